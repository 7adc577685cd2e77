//! What fires and what resolves: verdicts against the alerts that are open.

use serde::Deserialize;

use crate::alerts::kind::Kind;
use crate::alerts::verdict::{Measured, Verdict};
use crate::base::id::{Id, Name};
use crate::base::time::{DAY_MS, EpochMs};

/// How long an alert is kept open while too little happens to tell whether it still holds, ms.
const UNKNOWN_KEEPS_MS: u64 = DAY_MS;

/// An open alert.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Open {
    /// Its id.
    pub id: Id,
    /// Its namespace.
    pub namespace: Name,
    /// What it is about.
    pub kind: Kind,
    /// The hour that fired it.
    pub hour: EpochMs,
    /// When it was fired.
    pub fired_at: EpochMs,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Transition {
    /// An alert is fired.
    Fire(Kind, Measured),
    /// An open one is resolved; without a figure if there was too little of it for a day.
    Resolve(Id, Kind, Option<Measured>),
}

/// The transitions of one namespace. `hour`: what the verdicts are about. One that is older than the hour that fired an alert says nothing about it.
pub fn decide(verdicts: &[(Kind, Verdict)], open: &[Open], hour: EpochMs, now: EpochMs) -> Vec<Transition> {
    let transition = |(kind, verdict): &(Kind, Verdict)| {
        let standing = open.iter().find(|alert| alert.kind == *kind);
        match (verdict, standing) {
            (Verdict::Out(measured), None) => Some(Transition::Fire(*kind, *measured)),
            (Verdict::In(measured), Some(alert)) if hour >= alert.hour => Some(Transition::Resolve(alert.id, *kind, Some(*measured))),
            (Verdict::Unknown, Some(alert)) if now.since(alert.fired_at) >= UNKNOWN_KEEPS_MS => Some(Transition::Resolve(alert.id, *kind, None)),
            _ => None,
        }
    };
    verdicts.iter().filter_map(transition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::HOUR_MS;

    const MEASURED: Measured = Measured { value: 1.0, threshold: 2.0, rests_on: 3 };
    const OUT: Verdict = Verdict::Out(MEASURED);
    const IN: Verdict = Verdict::In(MEASURED);

    fn hour(number: u64) -> EpochMs {
        EpochMs(number * HOUR_MS)
    }

    fn open(kind: Kind, since: u64) -> Open {
        Open { id: Id::from_random([7; 16]), namespace: Name::parse("n").unwrap(), kind, hour: hour(since), fired_at: hour(since + 1) }
    }

    /// What one kind does over the hours, from 1 on: `f`ires, `r`esolves, or stays.
    fn over(verdicts: &[Verdict]) -> String {
        let mut standing: Vec<Open> = Vec::new();
        let mut told = String::new();
        for (number, verdict) in (1..).zip(verdicts) {
            match decide(&[(Kind::HitRate, *verdict)], &standing, hour(number), hour(number + 1)).as_slice() {
                [Transition::Fire(..)] => {
                    standing.push(open(Kind::HitRate, number));
                    told.push('f');
                }
                [Transition::Resolve(..)] => {
                    standing.clear();
                    told.push('r');
                }
                [] => told.push('-'),
                other => panic!("{other:?}"),
            }
        }
        told
    }

    #[test]
    fn alert_fires_once_and_resolves_once() {
        assert_eq!(over(&[IN, OUT, OUT, OUT, IN, IN]), "-f--r-");
    }

    #[test]
    fn figure_that_goes_to_and_fro_is_told_at_each_turn() {
        assert_eq!(over(&[OUT, IN, OUT, OUT, IN]), "frf-r");
    }

    #[test]
    fn hours_without_traffic_leave_an_alert_open_for_a_day() {
        let mut hours = vec![OUT];
        hours.extend([Verdict::Unknown; 24]);
        assert_eq!(over(&hours), format!("f{}r", "-".repeat(23)));
        assert_eq!(over(&[OUT, Verdict::Unknown, OUT, Verdict::Unknown, IN]), "f---r");
        assert_eq!(over(&[Verdict::Unknown; 30]), "-".repeat(30));
    }

    #[test]
    fn older_hour_resolves_nothing_and_kinds_do_not_mix() {
        let standing = [open(Kind::HitRate, 5)];
        assert_eq!(decide(&[(Kind::HitRate, IN)], &standing, hour(4), hour(9)), []);
        assert_eq!(
            decide(&[(Kind::P95Latency, OUT), (Kind::HitRate, IN)], &standing, hour(5), hour(9)),
            [Transition::Fire(Kind::P95Latency, MEASURED), Transition::Resolve(standing[0].id, Kind::HitRate, Some(MEASURED))]
        );
        assert_eq!(decide(&[(Kind::P95Latency, IN)], &standing, hour(6), hour(9)), []);
    }
}
