//! Kinds of clients, how many of each there are, and when they make their calls.

use std::time::Duration;

use crate::losses::mixed;

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Uploads files of two parts of 5 MiB and a short one: start, parts, completion.
    Upload,
    /// Reads files from the cache.
    Content,
    /// Plays a video: its playlist, then segment after segment.
    Video,
    /// Asks for a file, lists of files and of uploads, and the quota.
    Api,
    /// The identity provider: signed webhooks.
    Webhook,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 5] = [Kind::Upload, Kind::Content, Kind::Video, Kind::Api, Kind::Webhook];

    /// How it is called in figures.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Upload => "uploads",
            Kind::Content => "files",
            Kind::Video => "video",
            Kind::Api => "api",
            Kind::Webhook => "webhooks",
        }
    }

    /// Of a hundred clients.
    fn share(self) -> u32 {
        match self {
            Kind::Upload | Kind::Webhook => 5,
            Kind::Content => 40,
            Kind::Video | Kind::Api => 25,
        }
    }

    /// Mean time between two calls of one client. 2,000 clients make 91 calls a second, 3 of which carry 5 MiB: about half of one core of workerd.
    pub fn period(self) -> Duration {
        Duration::from_secs(match self {
            Kind::Upload | Kind::Api => 20,
            Kind::Content | Kind::Webhook => 30,
            Kind::Video => 16,
        })
    }

    /// The kind of client `number`: of every hundred in a row each kind has its share.
    pub fn of(number: u32) -> Kind {
        let mut left = number % 100;
        for kind in Kind::ALL {
            if left < kind.share() {
                return kind;
            }
            left -= kind.share();
        }
        Kind::Api
    }

    /// When client `number` makes its call `turn`, from the start of the run: known beforehand, whatever becomes of the calls before. Clients begin at any time of
    /// their first period; between two calls lies half a period to one and a half, drawn but the same in every run.
    pub fn due(self, number: u32, turn: u32) -> Duration {
        let drawn = |turn: u32| (mixed(u64::from(number) << 32 | u64::from(turn)) >> 11) as f64 / (1u64 << 53) as f64;
        let first = drawn(0);
        let offset = if turn == 0 { 0.0 } else { drawn(turn) - 0.5 };
        // Around a fixed grid, so that the number of calls does not drift.
        self.period().mul_f64(f64::from(turn) + first + offset.max(-first) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundred_clients_in_a_row_have_the_shares() {
        let count = |kind| (700..800).filter(|number| Kind::of(*number) == kind).count();
        assert_eq!(Kind::ALL.map(count), [5, 40, 25, 25, 5]);
        assert_eq!(Kind::ALL.map(Kind::share).iter().sum::<u32>(), 100);
    }

    #[test]
    fn calls_are_due_in_order_and_as_many_as_the_period_says() {
        for number in 0..50 {
            let due: Vec<_> = (0..100).map(|turn| Kind::Api.due(number, turn)).collect();
            assert!(
                due.is_sorted() && due[0] < Kind::Api.period() && due[99].abs_diff(Kind::Api.period() * 100) < Kind::Api.period() * 2,
                "{number}"
            );
        }
        assert_eq!(Kind::Video.due(3, 4), Kind::Video.due(3, 4));
    }

    #[test]
    fn two_thousand_clients_make_ninety_calls_a_second() {
        let rate: f64 = (0..2_000).map(|number| 1.0 / Kind::of(number).period().as_secs_f64()).sum();
        assert!((88.0..93.0).contains(&rate), "{rate}");
    }
}
