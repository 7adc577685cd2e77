//! The command line.

use jettyspeed_lab::network::Congestion;
use jettyspeed_lab::{download, upload};

/// How to call it.
pub const USAGE: &str = "usage: script/lab --list\n       \
                         script/lab PROFILE [--cc cubic|bbr] [--edge-cc cubic|bbr] [--edges 1-3] [--gateway] -- COMMAND [ARGUMENT…]\n       \
                         script/lab PROFILE [--cc cubic|bbr] [--edge-cc cubic|bbr] --floor\n       \
                         script/bench upload [PROFILE] [--cc cubic|bbr] [--rounds N] [--sizes MB,…] [--quick] [--large] [--report-only]\n       \
                         script/bench download [PROFILE] [--cc cubic|bbr] [--rounds N] [--size MB] [--only files|video] [--quick] [--report-only]";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Names of the profiles.
    List,
    /// What the legs carry.
    Floor(Options),
    /// A command in the client's namespace.
    Run(Options, Vec<String>),
    /// `script/bench upload`.
    Upload(upload::Options),
    /// `script/bench download`.
    Download(download::Options),
    /// A subcommand of the lab itself, with its argument.
    Store(String),
    /// The same.
    Edge(String),
    /// The same.
    Gateway(String),
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
    /// Whether the store's requests go through a gateway beside it.
    pub gateway: bool,
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
        ("upload", rest) => return upload_options(rest).map(Asked::Upload),
        ("download", rest) => return download_options(rest).map(Asked::Download),
        ("store", [address]) => return Some(Asked::Store(address.clone())),
        ("edge", [plan]) => return Some(Asked::Edge(plan.clone())),
        ("gateway", [plan]) => return Some(Asked::Gateway(plan.clone())),
        (option, _) if option.starts_with('-') => return None,
        _ => {}
    }
    let (mut client_cc, mut edge_cc, mut edges, mut floor, mut gateway) = ("cubic".to_owned(), None, 1, false, false);
    let mut rest = rest.iter();
    let command = loop {
        match rest.next().map(String::as_str) {
            Some("--cc") => client_cc = rest.next()?.clone(),
            Some("--edge-cc") => edge_cc = Some(rest.next()?.clone()),
            Some("--edges") => edges = rest.next()?.parse().ok().filter(|count| (1..=3).contains(count))?,
            Some("--floor") => floor = true,
            Some("--gateway") => gateway = true,
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
    let options = Options { profile: first.clone(), client_cc, edge_cc, edges, gateway };
    match (floor, command.is_empty()) {
        (true, true) => Some(Asked::Floor(options)),
        (false, false) => Some(Asked::Run(options, command)),
        _ => None,
    }
}

/// The profile of a benchmark, which may be left out, and the options behind it.
fn profile_and_rest<'a>(arguments: &'a [String], otherwise: &str) -> (String, std::slice::Iter<'a, String>) {
    match arguments.split_first() {
        Some((profile, rest)) if !profile.starts_with('-') => (profile.clone(), rest.iter()),
        _ => (otherwise.to_owned(), arguments.iter()),
    }
}

fn download_options(arguments: &[String]) -> Option<download::Options> {
    let (profile, mut rest) = profile_and_rest(arguments, "near");
    let mut options = download::Options { profile, cc: "bbr".into(), rounds: 5, small: 100, size: 100, quick: false, only: None, report_only: false };
    while let Some(argument) = rest.next() {
        let mut number = || rest.next()?.parse().ok().filter(|number: &u32| *number > 0);
        match argument.as_str() {
            "--rounds" => options.rounds = number()?,
            "--size" => options.size = number()?.into(),
            "--cc" => options.cc = rest.next().filter(|cc| matches!(cc.as_str(), "cubic" | "bbr"))?.clone(),
            "--only" => options.only = Some(rest.next().filter(|part| matches!(part.as_str(), "files" | "video"))?.clone()),
            "--quick" => (options.quick, options.rounds, options.small, options.size) = (true, 2, 20, 20),
            "--report-only" => options.report_only = true,
            _ => return None,
        }
    }
    Some(options)
}

/// Sizes are 100 MB and 1 GB, with `--quick` the former, with `--large` 10 GB, too.
fn upload_options(arguments: &[String]) -> Option<upload::Options> {
    let (profile, mut rest) = profile_and_rest(arguments, "fibre");
    let mut options = upload::Options { profile, cc: "bbr".into(), sizes: vec![100, 1_000], rounds: 3, quick: false, report_only: false };
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--cc" => options.cc = rest.next().filter(|cc| matches!(cc.as_str(), "cubic" | "bbr"))?.clone(),
            "--rounds" => options.rounds = rest.next()?.parse().ok().filter(|rounds| *rounds > 0)?,
            "--quick" => (options.quick, options.sizes) = (true, vec![100]),
            "--sizes" => options.sizes = rest.next()?.split(',').map(|size| size.parse().ok().filter(|size| *size > 0)).collect::<Option<_>>()?,
            "--large" => options.sizes.push(10_000),
            "--report-only" => options.report_only = true,
            _ => return None,
        }
    }
    Some(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Asked> {
        parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn command_follows_two_dashes_with_its_own_options() {
        let options = Options { profile: "fibre".into(), client_cc: "bbr".into(), edge_cc: "bbr".into(), edges: 3, gateway: true };
        assert_eq!(
            of("fibre --cc bbr --edges 3 --gateway -- jetty --json ls"),
            Some(Asked::Run(options, vec!["jetty".into(), "--json".into(), "ls".into()]))
        );
    }

    #[test]
    fn edges_have_the_client_s_congestion_control_unless_told() {
        let Some(Asked::Floor(options)) = of("mobile --edge-cc bbr --floor") else { panic!("not read") };
        assert_eq!((options.client_cc.as_str(), options.edge_cc.as_str()), ("cubic", "bbr"));
    }

    #[test]
    fn upload_is_of_two_sizes_over_fibre_unless_told() {
        let Some(Asked::Upload(options)) = of("upload") else { panic!("not read") };
        assert_eq!((options.profile.as_str(), options.sizes.as_slice(), options.rounds), ("fibre", [100, 1_000].as_slice(), 3));
        let Some(Asked::Upload(options)) = of("upload mobile --cc cubic --quick --rounds 1") else { panic!("not read") };
        assert_eq!((options.profile.as_str(), options.cc.as_str(), options.sizes.as_slice()), ("mobile", "cubic", [100].as_slice()));
        assert_eq!([of("upload --rounds 0"), of("upload fibre 3"), of("upload --sizes 1,x")], [None, None, None]);
    }

    #[test]
    fn download_is_of_files_and_videos_near_by_unless_told() {
        let Some(Asked::Download(options)) = of("download") else { panic!("not read") };
        assert_eq!((options.profile.as_str(), options.rounds, options.size, options.only), ("near", 5, 100, None));
        let Some(Asked::Download(options)) = of("download mobile --quick --only video --size 50") else { panic!("not read") };
        assert_eq!((options.profile.as_str(), options.quick, options.size, options.only.as_deref()), ("mobile", true, 50, Some("video")));
        assert_eq!([of("download --rounds 0"), of("download --only x"), of("download --cc reno")], [None, None, None]);
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
