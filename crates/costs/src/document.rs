//! docs/costs.md.

use std::fmt::Write;

use crate::Result;
use crate::counts::{Counts, Item};
use crate::data::{Actions, Data, FiguresEvery, figures_every, named};

/// A terabyte, bytes.
const TB: u64 = 1_000_000_000_000;
const MILLION: f64 = 1e6;
const MINUTE_MS: f64 = 60_000.0;
const TEN_SECONDS_MS: f64 = 10_000.0;
/// Seconds of a month of 30 days.
const MONTH_SECONDS: f64 = 2_592_000.0;
/// How often an edge that carries uploads publishes its metrics, s (`EDGE_METRICS_SECONDS`).
const EDGE_SECONDS: f64 = 15.0;

/// The actions in the order of the document, each with what it is.
const ACTIONS: &[(&str, &str)] = &[
    ("start", "`start` of an upload"),
    ("start_known", "`start` with `chunkHashes`, all four chunks known and copied"),
    ("part_held", "part of 5 MB, held for a repeat"),
    ("part_streamed", "part of 20 MB, streamed"),
    ("complete_4", "`complete`, 4 parts"),
    ("complete_8", "`complete`, 8 parts"),
    ("verify", "verification of 20 MB (job)"),
    ("open_check", "check of an upload that is open after 60 s, then hourly"),
    ("simple", "file of 1 MB in one request"),
    ("get_small", "GET of 100 KB, cached"),
    ("get_large", "GET of 100 MB, cached"),
    ("miss_small", "GET of 100 KB, not cached"),
    ("miss_slice", "GET of a slice of 5 MiB, not cached"),
    ("video_hit", "GET of a video segment, cached"),
    ("video_miss", "GET of a video segment, not cached"),
    ("api_call", "call of the JSON API (a file's record)"),
    ("api_in_a_row", "the same within a second of another"),
    ("response_set", "`POST /api/cache/set`"),
    ("response_kv", "`POST /api/cache/get`, a hit in KV"),
    ("response_here", "the same, a hit in the isolate's memory"),
    ("response_miss", "the same, a miss"),
    ("figures", "an account's figures, written to D1"),
    ("provision", "provisioning"),
    ("daily", "daily run, nothing to do"),
];

/// The columns of the table of counts.
const COLUMNS: &[(&str, &[Item])] = &[
    ("requests", &[Item::Requests]),
    ("object requests", &[Item::ObjectRequests]),
    ("object rows read / written", &[Item::ObjectRowsRead, Item::ObjectRowsWritten]),
    ("D1 calls", &[Item::D1Calls]),
    ("D1 rows read / written", &[Item::D1RowsRead, Item::D1RowsWritten]),
    ("KV read / written / listed", &[Item::KvReads, Item::KvWrites, Item::KvLists]),
    ("queue", &[Item::QueueOperations]),
    ("cache match / put", &[Item::CacheMatches, Item::CachePuts]),
    ("store", &[Item::StoreRequests]),
];

/// Dollars with as many digits as tell something.
fn usd(amount: f64) -> String {
    match amount {
        amount if amount >= 100.0 => format!("${amount:.0}"),
        amount if amount >= 0.1 => format!("${amount:.2}"),
        amount if amount >= 0.001 => format!("${amount:.4}"),
        amount => format!("${amount:.6}"),
    }
}

/// The two dearest items and their shares.
fn dearest(data: &Data, split: &[(Item, f64)]) -> String {
    let all: f64 = split.iter().map(|(_, usd)| usd).sum();
    let name = |item: &Item| data.prices.price.get(item).map_or("", |price| price.name.as_str()).to_owned();
    let share = |(item, usd): &(Item, f64)| format!("{} {:.0} %", name(item), 100.0 * usd / all);
    split.iter().take(2).map(share).collect::<Vec<_>>().join("; ")
}

/// Sums of costs by item.
#[derive(Default)]
struct Bill(Vec<(Item, f64)>);

impl Bill {
    fn add(&mut self, times: f64, split: Vec<(Item, f64)>) {
        for (item, usd) in split {
            match self.0.iter_mut().find(|(known, _)| *known == item) {
                Some((_, sum)) => *sum += times * usd,
                None => self.0.push((item, times * usd)),
            }
        }
        self.0.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    }

    fn sum(&self) -> f64 {
        self.0.iter().map(|(_, usd)| usd).sum()
    }
}

/// What a part adds to its `complete`.
fn completion_per_part(data: &Data) -> Result<Counts> {
    let (four, eight) = (&data.action("complete_4")?.at_once, &data.action("complete_8")?.at_once);
    Ok(Counts((eight.clone() - four.clone()).0.into_iter().map(|(item, number)| (item, number / 4)).filter(|(_, number)| *number > 0).collect()))
}

/// A part with its share of `complete`.
fn part(data: &Data, name: &str) -> Result<Bill> {
    let mut bill = Bill::default();
    bill.add(1.0, data.split(name, false)?);
    bill.add(1.0, data.prices.split(&completion_per_part(data)?, 0.0));
    Ok(bill)
}

/// A terabyte in files of the assumed size and parts of `bytes`.
fn terabyte(data: &Data, name: &str, bytes: u64) -> Result<Bill> {
    let files = TB / data.prices.assumed.file_bytes;
    let parts = files * data.prices.assumed.file_bytes.div_ceil(bytes);
    let mut bill = Bill::default();
    bill.add(parts as f64, part(data, name)?.0);
    for action in ["start", "complete_4", "verify"] {
        bill.add(files as f64, data.split(action, true)?);
    }
    // The parts are counted above.
    let in_complete = data.prices.split(&completion_per_part(data)?.times(4), 0.0);
    bill.add(-(files as f64), in_complete);
    Ok(bill)
}

/// A million of an action, many at a time: what is put off is divided by so many that it counts for nothing.
fn million(data: &Data, name: &str) -> Result<Bill> {
    let mut bill = Bill::default();
    bill.add(MILLION, data.split(name, false)?);
    Ok(bill)
}

/// A call of an account that makes one a minute, with its share of the ledger's figures.
fn polled(data: &Data, actions: &Actions, every: FiguresEvery) -> Result<Bill> {
    let mut bill = Bill::default();
    bill.add(1.0, data.prices.split(&named(actions, "api_call")?.at_once, data.cpu_ms("api_call")));
    let share = MINUTE_MS / every.calls_ms as f64;
    bill.add(share, data.prices.split(&named(actions, "figures")?.at_once, 0.0));
    Ok(bill)
}

/// A cached GET of an account whose content is asked for once in ten seconds.
fn rare_get(data: &Data, actions: &Actions, every: FiguresEvery) -> Result<Bill> {
    let get = named(actions, "get_small")?;
    let mut bill = Bill::default();
    bill.add(1.0, data.prices.split(&get.alone(), data.cpu_ms("get_small")));
    // One writing of the figures covers several.
    let share = (TEN_SECONDS_MS / every.traffic_ms as f64).min(1.0);
    bill.add(share, data.prices.split(&named(actions, "figures")?.at_once, 0.0));
    Ok(bill)
}

fn summary(data: &Data, out: &mut String) -> Result<()> {
    let times = |times: f64, bill: Bill| Bill(bill.0.into_iter().map(|(item, usd)| (item, times * usd)).collect());
    let now = figures_every();
    let lines = [
        ("a TB uploaded in parts of 12 MB", terabyte(data, "part_held", 12_000_000)?),
        ("a TB uploaded in parts of 50 MB", terabyte(data, "part_streamed", 50_000_000)?),
        ("a million parts, with what they add to `complete`", times(MILLION, part(data, "part_held")?)),
        ("a million cached GETs of small files, many of an account in a few seconds", million(data, "get_small")?),
        ("the same, one of an account in ten seconds", times(MILLION, rare_get(data, &data.actions, now)?)),
        ("a million cached GETs of 100 MB (100 TB), many at a time", million(data, "get_large")?),
        ("a million misses, small files, many at a time", million(data, "miss_small")?),
        ("a million misses, slices of 5 MiB, many at a time", million(data, "miss_slice")?),
        ("a million cached GETs of video segments, many at a time", million(data, "video_hit")?),
        ("1,000 API calls of an account, one a minute", times(1_000.0, polled(data, &data.actions, now)?)),
        ("1,000 API calls of an account, in a row", times(1e-3, million(data, "api_in_a_row")?)),
    ];
    out.push_str("| what | costs | most of it |\n|---|---|---|\n");
    for (what, bill) in lines {
        writeln!(out, "| {what} | {} | {} |", usd(bill.sum()), dearest(data, &bill.0))?;
    }
    let per_tb = 1_000.0 * data.prices.of(Item::StoreGbMonth, 1.0);
    writeln!(out, "| a TB stored for a month | {} | the store |", usd(per_tb))?;
    Ok(())
}

fn cells(counts: &Counts) -> String {
    let cell = |items: &[Item]| {
        let numbers: Vec<_> = items.iter().map(|item| counts.of(*item)).collect();
        if numbers.iter().all(|number| *number == 0) { String::new() } else { numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(" / ") }
    };
    COLUMNS.iter().map(|(_, items)| format!(" {} |", cell(items))).collect()
}

fn actions(data: &Data, out: &mut String) -> Result<()> {
    write!(out, "| action |")?;
    for (name, _) in COLUMNS {
        write!(out, " {name} |")?;
    }
    writeln!(out, " CPU ms | a million cost | most of it |\n|---|{}---|---|---|", "---|".repeat(COLUMNS.len()))?;
    for (name, what) in ACTIONS {
        let action = data.action(name)?;
        let split = data.split(name, false)?;
        let (cpu, cost) = (data.cpu_ms(name), data.usd(name, false)?);
        let cpu = if cpu > 0.0 { format!("{cpu:.1}") } else { String::new() };
        writeln!(out, "| {what} |{} {cpu} | {} | {} |", cells(&action.at_once), usd(MILLION * cost), dearest(data, &split))?;
        if action.later != Counts::default() {
            let split = data.prices.split(&action.later, 0.0);
            let cost = data.prices.sum(&action.later, 0.0);
            writeln!(out, "| … later, once |{} | {} | {} |", cells(&action.later), usd(MILLION * cost), dearest(data, &split))?;
        }
    }
    Ok(())
}

/// How CPU time was measured.
fn cpu_time(data: &Data) -> String {
    if data.cpu.ms.is_empty() {
        return "CPU time is not in these figures: `script/bench costs --write` measures it. A million ms cost $0.02, so 5 ms of an action add $0.10 to a million of them.".to_owned();
    }
    format!(
        "CPU time is that of all threads of workerd, over {} actions in a row (a tenth as many of 100 MB), by `script/bench costs`, on this machine: {}. That includes D1,\n\
         Durable Objects and the cache, which on Cloudflare's network are others' CPU time, and the bytes of bodies, which the runtime moves natively: read it as an upper\n\
         bound. Actions without a figure were not measured: their prices are without it.",
        data.cpu.repeats, data.cpu.machine
    )
}

fn fixed(data: &Data, out: &mut String) -> Result<()> {
    let daily = 30.0 * data.usd("daily", true)?;
    let edge = data.prices.sum(&data.action("part_held")?.later, 0.0) * MONTH_SECONDS / EDGE_SECONDS;
    let idle = 30.0 * data.usd("figures", true)?;
    out.push_str("| what | a month |\n|---|---|\n");
    writeln!(out, "| the plan | {} |", usd(data.prices.plan_usd_per_month))?;
    writeln!(out, "| the daily run, with nothing to do | {} |", usd(daily))?;
    writeln!(out, "| an edge that carries uploads all the time: its metrics, every {EDGE_SECONDS} s | {} |", usd(edge))?;
    writeln!(out, "| an account that stores something and does nothing: its figures, daily | {} |", usd(idle))?;
    for (item, what) in
        [(Item::D1GbMonth, "D1"), (Item::ObjectGbMonth, "Durable Objects"), (Item::KvGbMonth, "KV"), (Item::StoreGbMonth, "the store")]
    {
        writeln!(out, "| a GB in {what} | {} |", usd(data.prices.of(item, 1.0)))?;
    }
    Ok(())
}

fn prices(data: &Data, out: &mut String) -> Result<()> {
    out.push_str("| item | price | included a month | source |\n|---|---|---|---|\n");
    for price in data.prices.price.values() {
        let per = if price.per > 1.0 { "a million" } else { "each" };
        let included = if price.included > 0.0 { grouped(price.included) } else { String::new() };
        let cost = if price.usd > 0.0 { format!("${} {per}", price.usd) } else { "none".to_owned() };
        writeln!(out, "| {} | {cost} | {included} | <{}> |", price.name, price.source)?;
    }
    Ok(())
}

/// A whole number in groups of three digits.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let head = digits.len() % 3;
    let groups: Vec<&str> = digits.as_bytes()[head..].chunks(3).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    let head = Some(&digits[..head]).filter(|head| !head.is_empty());
    head.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

fn cheaper(data: &Data, out: &mut String) -> Result<()> {
    out.push_str("| action | what became less | a million cost, alone |\n|---|---|---|\n");
    for (name, what) in ACTIONS {
        let (Some(before), now) = (data.before.actions.get(*name), data.action(name)?) else { continue };
        let (old, new) = (before.alone(), now.alone());
        let less = data.prices.price.iter().filter(|(item, _)| old.of(**item) > new.of(**item));
        let less: Vec<_> = less.map(|(item, price)| format!("{} {} instead of {}", price.name, new.of(*item), old.of(*item))).collect();
        if less.is_empty() {
            continue;
        }
        let cost = |counts: &Counts| MILLION * data.prices.sum(counts, data.cpu_ms(name));
        writeln!(out, "| {what} | {} | {} instead of {} |", less.join("; "), usd(cost(&new)), usd(cost(&old)))?;
    }
    let (now, before) = (figures_every(), data.before.figures_every);
    let compared = |what: &str, new: Bill, old: Bill| format!("| {what} | {} instead of {} |", usd(MILLION * new.sum()), usd(MILLION * old.sum()));
    writeln!(
        out,
        "\nThe figures are written {} s after API calls instead of {}, and {} s after bytes that left instead of {}.\n\n| a million of | cost |\n|---|---|\n{}\n{}",
        now.calls_ms / 1_000,
        before.calls_ms / 1_000,
        now.traffic_ms / 1_000,
        before.traffic_ms / 1_000,
        compared("API calls of an account, one a minute", polled(data, &data.actions, now)?, polled(data, &data.before.actions, before)?),
        compared("cached GETs of an account, one in ten seconds", rare_get(data, &data.actions, now)?, rare_get(data, &data.before.actions, before)?),
    )?;
    Ok(())
}

/// The document.
///
/// # Errors
/// An action was not counted.
pub fn of(data: &Data) -> Result<String> {
    let mut out = String::new();
    let assumed = &data.prices.assumed;
    out.push_str(
        "# Costs\n\n**Question: what does Cloudflare bill for each thing that is done, and what is most of it?**\n\n\
         Written by `cargo run -p jettyspeed-costs` from the data in `docs/costs/`: do not edit it by hand. Prices are of Workers Paid beyond the amounts that the plan\n\
         includes. What the store bills is its storage only: Lyve Cloud has no fees for requests and egress.\n\n## In short\n\n",
    );
    summary(data, &mut out)?;
    writeln!(
        out,
        "\nA TB is uploaded in files of {} GB. Of each file `start`, `complete` and the verification are included.\n\n## Each action\n",
        assumed.file_bytes / 1_000_000_000
    )?;
    actions(data, &mut out)?;
    writeln!(
        out,
        "\nThe writing of a ledger's figures, with the setting of its alarm, is left out of the GETs and has a row of its own.\n\
         Counted in a warm isolate (credentials, edges and their readings known) from the debug log of workerd: `tests/e2e/costs/` does one action at a time and compares its\n\
         counts with `docs/costs/counts.json`: rows read and look-ups in the cache may differ by two or half, what is later by one report, all else is exact. Setting an alarm is a row written, an alarm that goes off a request. A batch of the queue and a run of the cron trigger\n\
         count as a request of the Worker. \"object\" is a Durable Object.\n\n\
         {}\n\n\
         Duration of Durable Objects is estimated: {} ms for each request, at {} GB. They hibernate in between, which is not billed; a request that waits for another's fill\n\
         keeps its lock object running for that time.\n\n## Each month\n",
        cpu_time(data),
        assumed.object_ms_per_request,
        assumed.object_gb
    )?;
    fixed(data, &mut out)?;
    writeln!(out, "\n## Prices\n\nAs of {}.\n", data.prices.date)?;
    prices(data, &mut out)?;
    out.push_str("\n## What became cheaper\n\n");
    out.push_str(CHEAPER);
    cheaper(data, &mut out)?;
    Ok(out)
}

const CHEAPER: &str = "An account's ledger was the dearest part of an API call, and of a GET of content that is rarely asked for: its rows cost ten times the request.\n\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data;

    #[test]
    fn document_is_what_the_data_says() {
        let (written, made) = (data::document().unwrap(), of(&Data::read().unwrap()).unwrap());
        assert!(written == made, "docs/costs.md is stale: cargo run -p jettyspeed-costs");
    }

    #[test]
    fn every_counted_action_is_in_the_document() {
        let data = Data::read().unwrap();
        let unnamed: Vec<_> = data.actions.keys().filter(|name| !ACTIONS.iter().any(|(known, _)| known == name)).collect();
        assert!(unnamed.is_empty(), "{unnamed:?}");
    }

    #[test]
    fn amounts_have_digits_that_tell_something() {
        assert_eq!([1234.5, 12.345, 0.5, 0.0123, 0.000_012].map(usd), ["$1234", "$12.35", "$0.50", "$0.0123", "$0.000012"]);
        assert_eq!((grouped(25_000_000_000.0), grouped(5.0), grouped(400_000.0)), ("25,000,000,000".into(), "5".into(), "400,000".into()));
    }
}
