//! The command line.

use jettyspeed_lab::network::Congestion;

/// How to call it.
pub const USAGE: &str = "usage: script/lab --list\n       \
                         script/lab PROFILE [--cc cubic|bbr] [--edge-cc cubic|bbr] [--edges 1-3] -- COMMAND [ARGUMENT…]\n       \
                         script/lab PROFILE [--cc cubic|bbr] [--edge-cc cubic|bbr] --floor";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Names of the profiles.
    List,
    /// What the legs carry.
    Floor(Options),
    /// A command in the client's namespace.
    Run(Options, Vec<String>),
    /// A subcommand of the lab itself, with its argument.
    Store(String),
    /// The same.
    Edge(String),
}

/// Of a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Name of the profile.
    pub profile: String,
    /// Of the client.
    pub client_cc: String,
    /// Of edges and store.
    pub edge_cc: String,
    /// How many.
    pub edges: usize,
}

impl Options {
    /// As the network wants it.
    pub fn congestion(&self) -> Congestion {
        Congestion { client: self.client_cc.clone(), edge: self.edge_cc.clone() }
    }
}

/// Reads the arguments; None: they are wrong.
pub fn parse(arguments: &[String]) -> Option<Asked> {
    let (first, rest) = arguments.split_first()?;
    match (first.as_str(), rest) {
        ("--list", []) => return Some(Asked::List),
        ("store", [address]) => return Some(Asked::Store(address.clone())),
        ("edge", [plan]) => return Some(Asked::Edge(plan.clone())),
        (option, _) if option.starts_with('-') => return None,
        _ => {}
    }
    let (mut client_cc, mut edge_cc, mut edges, mut floor) = ("cubic".to_owned(), None, 1, false);
    let mut rest = rest.iter();
    let command = loop {
        match rest.next().map(String::as_str) {
            Some("--cc") => client_cc = rest.next()?.clone(),
            Some("--edge-cc") => edge_cc = Some(rest.next()?.clone()),
            Some("--edges") => edges = rest.next()?.parse().ok().filter(|count| (1..=3).contains(count))?,
            Some("--floor") => floor = true,
            Some("--") => break rest.cloned().collect::<Vec<_>>(),
            None => break Vec::new(),
            Some(_) => return None,
        }
    };
    let edge_cc = edge_cc.unwrap_or_else(|| client_cc.clone());
    let is_known = |cc: &str| matches!(cc, "cubic" | "bbr");
    if !is_known(&client_cc) || !is_known(&edge_cc) {
        return None;
    }
    let options = Options { profile: first.clone(), client_cc, edge_cc, edges };
    match (floor, command.is_empty()) {
        (true, true) => Some(Asked::Floor(options)),
        (false, false) => Some(Asked::Run(options, command)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Asked> {
        parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn command_follows_two_dashes_with_its_own_options() {
        let options = Options { profile: "fibre".into(), client_cc: "bbr".into(), edge_cc: "bbr".into(), edges: 3 };
        assert_eq!(of("fibre --cc bbr --edges 3 -- jetty --json ls"), Some(Asked::Run(options, vec!["jetty".into(), "--json".into(), "ls".into()])));
    }

    #[test]
    fn edges_have_the_client_s_congestion_control_unless_told() {
        let Some(Asked::Floor(options)) = of("mobile --edge-cc bbr --floor") else { panic!("not read") };
        assert_eq!((options.client_cc.as_str(), options.edge_cc.as_str()), ("cubic", "bbr"));
    }

    #[test]
    fn what_is_unknown_or_incomplete_is_wrong() {
        for text in [
            "",
            "--help",
            "fibre",
            "fibre --",
            "fibre --cc reno --floor",
            "fibre --edges 4 --floor",
            "fibre --edges",
            "fibre --floor -- ls",
            "fibre ls",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
