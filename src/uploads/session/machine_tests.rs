use proptest::prelude::*;
use serde_json::json;

use crate::base::id::Name;
use crate::uploads::session::alarm::{AlarmAction, alarm, on_alarm};
use crate::uploads::session::machine::*;

const CHUNK: u64 = 10;

fn meta(chunks: u64) -> Meta {
    Meta {
        session: Id::from_random([1; 16]),
        account: Id::from_random([2; 16]),
        namespace: Name::parse("jt_user_1").unwrap(),
        asset: Id::from_random([3; 16]),
        object: Id::from_random([4; 16]),
        key: "users/1/o/x".into(),
        upload_id: "up".into(),
        file_name: "a.bin".into(),
        file_size: chunks * CHUNK - 3,
        chunk_size: CHUNK,
        content_type: "application/octet-stream".into(),
        file_hash: Some(Sha256Hex::of(b"file")),
        allow_unsigned: false,
        created: EpochMs(1_000),
        ttl_ms: 500,
        status: Status::Uploading,
        lease: None,
        outcome: None,
        suspended: false,
        suspended_as_of: EpochMs(0),
        unchecked: false,
        cleaned_up: false,
        direct: false,
        ambiguous: std::collections::BTreeSet::new(),
        forget_at: None,
        active_at: None,
        urls_at: None,
        appending: None,
        placement: None,
    }
}

pub(super) fn part(number: u16, chunks: u16) -> Part {
    let size = if number == chunks { CHUNK - 3 } else { CHUNK };
    Part { number, etag: format!("e{number}"), size, sha256: None, edge: "SIN".into(), at: EpochMs(0), evidence: Evidence::Seen, took_ms: None }
}

pub(super) fn open(chunks: u64) -> Option<Session> {
    let mut slot = None;
    assert_eq!(
        apply(&mut slot, Message::Open { meta: Box::new(meta(chunks)), is_heard: false }, EpochMs(1_000)),
        (SessionReply::Done, vec![Effect::PutMeta])
    );
    slot
}

fn send(slot: &mut Option<Session>, message: Message) -> SessionReply {
    apply(slot, message, EpochMs(1_100)).0
}

pub(super) fn begin(attempt: u8) -> Message {
    Message::BeginCompletion { attempt: Id::from_random([attempt; 16]), file_hash: None, chunk_hashes: None }
}

#[test]
fn all_parts_then_completion_gives_one_final_outcome() {
    let mut slot = open(2);
    assert_eq!(send(&mut slot, Message::Record { part: part(2, 2), receipt: false }), SessionReply::Done);
    assert_eq!(send(&mut slot, begin(9)), SessionReply::Missing { parts: vec![1] });
    assert_eq!(send(&mut slot, Message::Record { part: part(1, 2), receipt: false }), SessionReply::Done);
    assert_eq!(
        send(&mut slot, Message::Record { part: part(1, 2), receipt: false }),
        SessionReply::Done,
        "recording the same part again is idempotent"
    );
    assert!(matches!(send(&mut slot, begin(9)), SessionReply::State { parts, .. } if parts.len() == 2));
    assert_eq!(send(&mut slot, begin(8)), SessionReply::Busy);
    assert_eq!(send(&mut slot, Message::Fail), SessionReply::Busy);
    assert_eq!(send(&mut slot, Message::Record { part: part(1, 2), receipt: false }), SessionReply::Closed { status: Status::Completing });
    assert_eq!(send(&mut slot, Message::FinishCompletion { outcome: json!(1) }), SessionReply::Complete { outcome: json!(1) });
    assert_eq!(send(&mut slot, Message::FinishCompletion { outcome: json!(2) }), SessionReply::Complete { outcome: json!(1) });
    assert_eq!(send(&mut slot, begin(8)), SessionReply::Complete { outcome: json!(1) });
    assert_eq!(send(&mut slot, Message::Fail), SessionReply::Closed { status: Status::Complete });
}

fn ring_alarm(slot: &mut Option<Session>, now: u64) -> (AlarmAction, Vec<Effect>) {
    on_alarm(slot, EpochMs(now), 50)
}

#[test]
fn alarm_follows_activity_and_repeats_until_cleaned_up() {
    let mut slot = open(2);
    let at = |slot: &Option<Session>, now| alarm(slot.as_ref().unwrap(), EpochMs(now));
    assert_eq!(at(&slot, 1_000), Some(EpochMs(1_500)));
    send(&mut slot, Message::Record { part: part(1, 2), receipt: false });
    assert_eq!(ring_alarm(&mut slot, 1_500), (AlarmAction::At(EpochMs(1_600)), vec![]), "a part at 1,100 postponed the expiry");
    let session = Id::from_random([1; 16]);
    let end = |now: u64| AlarmAction::End { session, again: EpochMs(now + CLEANUP_RETRY_MS) };
    assert_eq!(ring_alarm(&mut slot, 1_600), (end(1_600), vec![Effect::PutMeta]));
    assert_eq!(ring_alarm(&mut slot, 1_700), (end(1_700), vec![]), "not cleaned up yet");
    assert_eq!(send(&mut slot, Message::CleanedUp), SessionReply::Done);
    assert_eq!(ring_alarm(&mut slot, 1_800), (AlarmAction::At(EpochMs(1_850)), vec![Effect::PutMeta]), "the record is retained");
    assert_eq!(ring_alarm(&mut slot, 1_840), (AlarmAction::At(EpochMs(1_850)), vec![]), "an early alarm does not extend the retention");
    assert!(matches!(send(&mut slot, Message::Snapshot), SessionReply::State { meta, .. } if meta.status == Status::Expired));
    assert_eq!(ring_alarm(&mut slot, 1_850), (AlarmAction::DeleteRecord, vec![]));
    assert_eq!(send(&mut slot, Message::Snapshot), SessionReply::Unknown);
    assert_eq!(ring_alarm(&mut slot, 1_900), (AlarmAction::Nothing, vec![]));

    let mut failed = open(1);
    send(&mut failed, Message::Fail);
    assert_eq!(at(&failed, 1_100), Some(EpochMs(1_100 + CLEANUP_DELAY_MS)));
    assert_eq!(ring_alarm(&mut failed, 1_101).0, end(1_101));
    let mut alive = open(1);
    send(&mut alive, Message::CleanedUp);
    assert!(!alive.unwrap().meta.cleaned_up, "an open session is not cleaned up");
}

#[test]
fn opening_again_is_done_for_the_same_upload_only() {
    let mut slot = open(2);
    let again = |meta: Meta| Message::Open { meta: Box::new(meta), is_heard: false };
    assert_eq!(send(&mut slot, again(meta(2))), SessionReply::Done);
    let closed = SessionReply::Closed { status: Status::Uploading };
    assert_eq!(send(&mut slot, again(Meta { upload_id: "other".into(), ..meta(2) })), closed);
    assert_eq!(send(&mut slot, again(Meta { session: Id::from_random([9; 16]), ..meta(2) })), closed);
}

#[test]
fn ended_session_whose_record_has_an_end_needs_no_alarm() {
    let mut slot = open(1);
    send(&mut slot, Message::Fail);
    let session = slot.as_mut().unwrap();
    assert_eq!(alarm(session, EpochMs(1_100)), Some(EpochMs(1_100 + CLEANUP_DELAY_MS)));
    session.meta.forget_at = Some(EpochMs(9_000));
    assert_eq!(alarm(session, EpochMs(1_100)), None);
}

#[test]
fn suspended_account_gets_suspended_for_a_part() {
    let mut slot = open(2);
    assert_eq!(send(&mut slot, Message::Suspend { suspended: true, as_of: EpochMs(5) }), SessionReply::Done);
    assert_eq!(send(&mut slot, Message::Record { part: part(1, 2), receipt: false }), SessionReply::Suspended);
    assert_eq!(send(&mut slot, Message::Suspend { suspended: false, as_of: EpochMs(6) }), SessionReply::Done);
    assert_eq!(send(&mut slot, Message::Record { part: part(1, 2), receipt: false }), SessionReply::Done);
}

#[test]
fn suspension_that_comes_after_the_resumption_that_followed_it_changes_nothing() {
    let mut slot = open(2);
    send(&mut slot, Message::Suspend { suspended: false, as_of: EpochMs(6) });
    assert_eq!(send(&mut slot, Message::Suspend { suspended: true, as_of: EpochMs(5) }), SessionReply::Done);
    assert_eq!(send(&mut slot, Message::Record { part: part(1, 2), receipt: false }), SessionReply::Done);
}

#[test]
fn session_that_was_opened_again_is_unknown_until_it_is_told_whether_its_account_is_suspended() {
    for (suspended, reply) in [(false, SessionReply::Done), (true, SessionReply::Suspended)] {
        let meta = Meta { unchecked: true, ..open(2).map(|session| session.meta).unwrap() };
        let mut slot = None;
        let again = Message::Open { meta: Box::new(meta), is_heard: false };
        assert_eq!(send(&mut slot, again.clone()), SessionReply::Done);
        for message in [Message::Record { part: part(1, 2), receipt: false }, Message::Snapshot, begin(9), Message::Fail, Message::CheckLease] {
            assert_eq!(send(&mut slot, message), SessionReply::Unknown);
        }
        assert_eq!(send(&mut slot, again), SessionReply::Done, "who died before it was told has not closed it");
        assert_eq!(send(&mut slot, Message::Suspend { suspended, as_of: EpochMs(0) }), SessionReply::Done);
        assert_eq!(send(&mut slot, Message::Record { part: part(1, 2), receipt: false }), reply);
    }
}

#[test]
fn session_that_was_opened_again_and_has_expired_before_it_was_told_is_cleaned_up() {
    let meta = Meta { unchecked: true, ..open(2).map(|session| session.meta).unwrap() };
    let expires = meta.created.plus(meta.ttl_ms);
    let mut slot = None;
    send(&mut slot, Message::Open { meta: Box::new(meta), is_heard: false });
    let at = |message, slot: &mut _| apply(slot, message, expires);
    let SessionReply::State { meta, .. } = at(Message::Snapshot, &mut slot).0 else { panic!("its job sees it") };
    assert_eq!(meta.status, Status::Expired);
    assert_eq!(at(Message::Record { part: part(1, 2), receipt: false }, &mut slot).0, SessionReply::Closed { status: Status::Expired });
    assert_eq!(at(Message::CleanedUp, &mut slot), (SessionReply::Done, vec![Effect::PutMeta]));
}

#[test]
fn expired_completion_lease_passes_on_and_only_its_holder_cancels() {
    let mut slot = open(1);
    send(&mut slot, Message::Record { part: part(1, 1), receipt: false });
    send(&mut slot, begin(9));
    let later = EpochMs(1_100 + COMPLETION_LEASE_MS);
    if let Some(session) = slot.as_mut() {
        session.meta.ttl_ms = 10 * COMPLETION_LEASE_MS;
    }
    assert!(matches!(apply(&mut slot, begin(8), later).0, SessionReply::State { .. }));
    let cancel = |attempt: u8| Message::CancelCompletion { attempt: Id::from_random([attempt; 16]) };
    assert_eq!(send(&mut slot, cancel(9)), SessionReply::Closed { status: Status::Completing });
    assert_eq!(send(&mut slot, cancel(8)), SessionReply::Done);
    assert_eq!(send(&mut slot, Message::Record { part: part(1, 1), receipt: false }), SessionReply::Done);
}

#[test]
fn part_outside_plan_and_other_file_hash_are_refused() {
    let mut slot = open(2);
    for bad in [Part { size: 9, ..part(1, 2) }, Part { size: 10, ..part(2, 2) }, Part { number: 3, ..part(1, 2) }, Part { number: 0, ..part(1, 2) }] {
        assert_eq!(apply(&mut slot, Message::Record { part: bad, receipt: false }, EpochMs(1_100)), (SessionReply::NotInPlan, vec![]));
    }
    let other = Message::BeginCompletion { attempt: Id::from_random([1; 16]), file_hash: Some(Sha256Hex::of(b"other")), chunk_hashes: None };
    assert_eq!(send(&mut slot, other), SessionReply::OtherHash);
    assert_eq!(send(&mut None, Message::Snapshot), SessionReply::Unknown);
}

#[test]
fn released_or_expired_completion_lease_frees_the_upload() {
    let mut slot = open(1);
    send(&mut slot, Message::Record { part: part(1, 1), receipt: false });
    send(&mut slot, begin(9));
    let attempt = Id::from_random([9; 16]);
    assert_eq!(send(&mut slot.clone(), Message::ReleaseLease { attempt }), SessionReply::Done);
    let mut yielded = slot.clone();
    send(&mut yielded, Message::ReleaseLease { attempt });
    assert!(matches!(send(&mut yielded, begin(8)), SessionReply::State { .. }), "the next call gets the lease at once");
    let mut abandoned = slot.clone();
    assert_eq!(
        send(&mut abandoned, Message::AbandonCompletion { attempt: Id::from_random([1; 16]) }),
        SessionReply::Closed { status: Status::Completing }
    );
    assert_eq!(send(&mut abandoned, Message::AbandonCompletion { attempt }), SessionReply::Done);
    assert_eq!(send(&mut abandoned, begin(8)), SessionReply::Closed { status: Status::Failed });
    let later = EpochMs(1_100 + COMPLETION_LEASE_MS);
    assert_eq!(apply(&mut slot.clone(), Message::Fail, EpochMs(1_101)).0, SessionReply::Busy);
    let mut long = slot.clone();
    if let Some(session) = long.as_mut() {
        session.meta.ttl_ms = 10 * COMPLETION_LEASE_MS;
    }
    assert!(matches!(apply(&mut long, Message::Fail, later).0, SessionReply::State { meta, .. } if meta.status == Status::Failed));
    assert_eq!(apply(&mut slot, begin(8), later).0, SessionReply::Closed { status: Status::Expired });
}

#[test]
fn complete_with_other_chunk_hashes_returns_the_differing_parts() {
    let mut slot = open(2);
    let hashed = |number: u16, bytes: &[u8]| Part { sha256: Some(Sha256Hex::of(bytes)), ..part(number, 2) };
    send(&mut slot, Message::Record { part: hashed(1, b"mine"), receipt: false });
    send(&mut slot, Message::Record { part: hashed(2, b"theirs"), receipt: false });
    let complete = |last: &[u8]| Message::BeginCompletion {
        attempt: Id::from_random([9; 16]),
        file_hash: None,
        chunk_hashes: Some(vec![Sha256Hex::of(b"mine"), Sha256Hex::of(last)]),
    };
    assert_eq!(send(&mut slot, complete(b"mine too")), SessionReply::OtherParts { parts: vec![2] });
    assert!(matches!(send(&mut slot, complete(b"theirs")), SessionReply::State { .. }));
}

#[test]
fn recorded_part_postpones_expiry() {
    let mut slot = open(2);
    apply(&mut slot, Message::Record { part: part(1, 2), receipt: false }, EpochMs(1_499));
    assert_eq!(apply(&mut slot, Message::Record { part: part(2, 2), receipt: false }, EpochMs(1_998)).0, SessionReply::Done);
    let (reply, effects) = apply(&mut slot, Message::Record { part: part(2, 2), receipt: false }, EpochMs(2_498));
    assert_eq!((reply, effects), (SessionReply::Closed { status: Status::Expired }, vec![Effect::PutMeta]));
}

/// A TTL of 5,000 ms, so that a thousandth of it is 5 ms.
fn open_for_5_000_ms(chunks: u64) -> Option<Session> {
    let mut slot = open(chunks);
    if let Some(session) = slot.as_mut() {
        session.meta.ttl_ms = 5_000;
    }
    slot
}

#[test]
fn every_call_of_the_client_postpones_expiry_and_those_of_jobs_do_not() {
    // A part that was recorded before, and one that the store refuses, too.
    let refused = Message::PartFailed { number: 1, sha256: None, may_be_stored: false };
    let record = |number, receipt| Message::Record { part: part(number, 2), receipt };
    let calls = [Message::Visit, Message::MarkDirect, begin(1), record(1, false), record(2, false), record(2, true), refused];
    for call in calls {
        let mut slot = open_for_5_000_ms(2);
        apply(&mut slot, record(2, false), EpochMs(1_000));
        apply(&mut slot, call.clone(), EpochMs(5_900));
        assert_eq!(slot.as_ref().unwrap().expires(), EpochMs(10_900), "{call:?}");
        assert_eq!(ring_alarm(&mut slot, 6_000), (AlarmAction::At(EpochMs(10_900)), vec![]), "{call:?}");
        apply(&mut slot, Message::Visit, EpochMs(10_900));
        assert_eq!(slot.unwrap().meta.status, Status::Expired, "a call that comes too late postpones nothing: {call:?}");
    }
    let listing = Message::Reconcile { listed: vec![], listed_at: EpochMs(1_000) };
    for job in [Message::Snapshot, listing, Message::CheckLease, Message::Suspend { suspended: true, as_of: EpochMs(1) }, Message::CleanedUp] {
        let mut slot = open_for_5_000_ms(2);
        apply(&mut slot, job.clone(), EpochMs(5_900));
        assert_eq!(slot.unwrap().expires(), EpochMs(6_000), "{job:?}");
    }
}

#[test]
fn thousand_reads_within_a_thousandth_of_the_ttl_write_nothing() {
    let mut slot = open_for_5_000_ms(1);
    let writes = |slot: &mut Option<Session>, at| apply(slot, Message::Visit, EpochMs(at)).1.len();
    assert_eq!(writes(&mut slot, 2_000), 1);
    assert_eq!((0..1_000).map(|step| writes(&mut slot, 2_000 + step / 200)).sum::<usize>(), 0);
    assert_eq!(writes(&mut slot, 2_006), 1);
    let mut failed = open_for_5_000_ms(1);
    send(&mut failed, Message::Fail);
    assert_eq!(apply(&mut failed, Message::Visit, EpochMs(3_000)).1, [], "what has ended stays as it is");
}

#[test]
fn claimed_part_was_under_way_since_its_url_and_at_most_an_hour() {
    let mut slot = open(2);
    if let Some(session) = slot.as_mut() {
        session.meta.ttl_ms = 10 * URL_TTL_MS;
    }
    let claim = |number| Message::Record { part: Part { evidence: Evidence::Claimed, took_ms: Some(7), ..part(number, 2) }, receipt: false };
    let took = |slot: &Option<Session>, number: u16| slot.as_ref().unwrap().parts.get(&number).unwrap().took_ms;
    apply(&mut slot, claim(1), EpochMs(1_500));
    assert_eq!(took(&slot, 1), None, "no URL was issued");
    apply(&mut slot, Message::MarkDirect, EpochMs(2_000));
    apply(&mut slot, claim(1), EpochMs(2_900));
    assert_eq!(took(&slot, 1), Some(900));
    apply(&mut slot, claim(2), EpochMs(2_000 + 3 * URL_TTL_MS));
    assert_eq!(took(&slot, 2), Some(URL_TTL_MS));
    let listed = |number: u16, size| ListedPart { part_number: number, etag: format!("e{number}"), size };
    let at = EpochMs(3_000 + 3 * URL_TTL_MS);
    apply(&mut slot, Message::Reconcile { listed: vec![listed(1, CHUNK), listed(2, CHUNK - 3)], listed_at: at }, at.plus(10));
    assert_eq!((took(&slot, 1), took(&slot, 2)), (Some(900), Some(URL_TTL_MS)), "being listed changes no time");
    apply(&mut slot, Message::Record { part: Part { took_ms: Some(7), ..part(1, 2) }, receipt: false }, at);
    assert_eq!(took(&slot, 1), Some(7), "what this service saw, it measured");
}

#[test]
fn reconcile_keeps_parts_newer_than_the_listing() {
    let mut slot = open(4);
    for number in [1, 2] {
        apply(&mut slot, Message::Record { part: part(number, 4), receipt: false }, EpochMs(1_010));
    }
    apply(&mut slot, Message::Record { part: part(3, 4), receipt: false }, EpochMs(1_030));
    let listed = |number: u16, etag: &str, size| ListedPart { part_number: number, etag: etag.into(), size };
    let message = Message::Reconcile {
        listed: vec![listed(1, "", CHUNK), listed(2, "other", CHUNK), listed(4, "e4", CHUNK - 3), listed(5, "x", 1)],
        listed_at: EpochMs(1_020),
    };
    let (reply, effects) = apply(&mut slot, message, EpochMs(1_040));
    let SessionReply::State { parts, .. } = reply else { panic!("{reply:?}") };
    let gone = Message::Reconcile { listed: vec![listed(3, "e3", CHUNK)], listed_at: EpochMs(1_050) };
    let (_, dropped) = apply(&mut slot.clone(), gone, EpochMs(1_060));
    assert_eq!(dropped, [Effect::DropPart(1), Effect::DropPart(2), Effect::DropPart(4)]);
    assert_eq!(parts.iter().map(|p| (p.number, p.etag.as_str())).collect::<Vec<_>>(), [(1, "e1"), (2, "other"), (3, "e3"), (4, "e4")]);
    assert_eq!(effects.len(), 2);
}

/// The clock does not advance between two I/O events, so a listing may begin in the millisecond in which a part was recorded.
#[test]
fn part_recorded_in_the_millisecond_of_the_listing_stays_as_recorded() {
    let listed = |number: u16, etag: &str| ListedPart { part_number: number, etag: etag.into(), size: CHUNK };
    let claimed = Part { evidence: Evidence::Claimed, ..part(3, 4) };
    let hashed = Part { sha256: Some(Sha256Hex::of(b"new")), ..part(2, 4) };
    let recorded_at = |at: u64| {
        let mut slot = open(4);
        for part in [part(1, 4), hashed.clone(), claimed.clone()] {
            apply(&mut slot, Message::Record { part, receipt: false }, EpochMs(at));
        }
        let listing = vec![listed(2, "old"), listed(3, "")];
        let (_, effects) = apply(&mut slot, Message::Reconcile { listed: listing, listed_at: EpochMs(1_020) }, EpochMs(1_040));
        (slot.unwrap().parts.into_values().map(|part| (part.number, part.etag, part.evidence)).collect::<Vec<_>>(), effects.len())
    };
    let row = |number: u16, etag: &str, evidence| (number, etag.to_owned(), evidence);
    let kept = vec![row(1, "e1", Evidence::Seen), row(2, "e2", Evidence::Seen), row(3, "e3", Evidence::Claimed)];
    assert_eq!(recorded_at(1_020), (kept, 0), "part 1 is not dropped, part 2 not replaced, part 3 not confirmed");
    let told = vec![row(2, "old", Evidence::Listed), row(3, "e3", Evidence::Listed)];
    assert_eq!(recorded_at(1_019), (told, 3), "the listing tells about what was recorded a millisecond before it");
}

/// Stored rows outlive deployments: a row of an older version must load, and the current form is pinned.
#[test]
fn persisted_json_is_pinned() {
    let text = r#"{"session":"01010101-0101-4101-8101-010101010101","account":"02020202-0202-4202-8202-020202020202","namespace":"jt_user_1","asset":"03030303-0303-4303-8303-030303030303","object":"04040404-0404-4404-8404-040404040404","key":"users/1/o/x","upload_id":"up","file_name":"a.bin","file_size":7,"chunk_size":10,"content_type":"application/octet-stream","file_hash":"3b9c358f36f0a31b6ad3e14f309c7cf198ac9246e8316f9ce543d5b19ac02b80","allow_unsigned":false,"created":1000,"ttl_ms":500,"status":"uploading","lease":null,"outcome":null}"#;
    assert_eq!(serde_json::to_string(&meta(1)).unwrap(), text);
    let old = r#"{"session":"01010101-0101-4101-8101-010101010101","account":"02020202-0202-4202-8202-020202020202","namespace":"jt_user_1","asset":"03030303-0303-4303-8303-030303030303","object":"04040404-0404-4404-8404-040404040404","key":"users/1/o/x","upload_id":"up","file_name":"a.bin","file_size":7,"chunk_size":10,"content_type":"application/octet-stream","created":1000,"ttl_ms":500,"status":"uploading"}"#;
    assert_eq!(serde_json::from_str::<Meta>(old).unwrap(), Meta { file_hash: None, ..meta(1) });
    let active = Meta { active_at: Some(EpochMs(1_200)), urls_at: Some(EpochMs(1_300)), ..meta(1) };
    assert!(serde_json::to_string(&active).unwrap().ends_with(r#""outcome":null,"active_at":1200,"urls_at":1300}"#));
    let text = r#"{"partNumber":1,"etag":"e1","size":7,"sha256":null,"edge":"SIN","at":0}"#;
    assert_eq!(serde_json::to_string(&part(1, 1)).unwrap(), text);
    assert_eq!(serde_json::from_str::<Part>(text).unwrap(), part(1, 1));
    let timed = Part { took_ms: Some(40), evidence: Evidence::Claimed, ..part(1, 1) };
    let text = r#"{"partNumber":1,"etag":"e1","size":7,"sha256":null,"edge":"SIN","at":0,"evidence":"claimed","tookMs":40}"#;
    assert_eq!(serde_json::to_string(&timed).unwrap(), text);
}

fn messages(chunks: u16) -> impl Strategy<Value = Message> {
    prop_oneof![
        6 => (0..=chunks + 1, any::<bool>(), any::<bool>(), any::<bool>(), 0u8..3).prop_map(move |(n, wrong, claimed, receipt, bytes)| Message::Record {
            part: Part {
                size: if wrong { 1 } else { part(n, chunks).size },
                evidence: if claimed || receipt { Evidence::Claimed } else { Evidence::Seen },
                sha256: (bytes > 0).then(|| Sha256Hex::of(&[bytes])),
                ..part(n, chunks)
            },
            receipt,
        }),
        1 => (1..=chunks, any::<bool>()).prop_map(|(number, may_be_stored)| Message::PartFailed { number, sha256: None, may_be_stored }),
        2 => (0u8..3).prop_map(begin),
        1 => (0u8..3).prop_map(|a| Message::CancelCompletion { attempt: Id::from_random([a; 16]) }),
        1 => (0u8..3).prop_map(|a| Message::ReleaseLease { attempt: Id::from_random([a; 16]) }),
        1 => (0u8..3).prop_map(|a| Message::AbandonCompletion { attempt: Id::from_random([a; 16]) }),
        1 => any::<u8>().prop_map(|n| Message::FinishCompletion { outcome: json!(n) }),
        1 => Just(Message::Fail),
        1 => Just(Message::Snapshot),
        1 => Just(Message::Visit),
        1 => Just(Message::MarkDirect),
        1 => (prop::collection::btree_set(1..=chunks, 0..5), any::<u16>()).prop_map(move |(numbers, at)| Message::Reconcile {
            listed: numbers.into_iter().map(|n| ListedPart { part_number: n, etag: format!("l{n}"), size: part(n, chunks).size }).collect(),
            listed_at: EpochMs(1_000 + u64::from(at)),
        }),
    ]
}

/// A claimed part counts once ListParts returns the same ETag and size; a different listing replaces or removes it.
#[test]
fn claimed_part_completes_only_after_it_was_listed() {
    let mut slot = open(4);
    let send_at = |slot: &mut Option<Session>, message, at| apply(slot, message, EpochMs(at)).0;
    let claim =
        |number: u16, etag: &str| Part { etag: etag.into(), sha256: Some(Sha256Hex::of(b"claimed")), evidence: Evidence::Claimed, ..part(number, 4) };
    let listed = |number: u16, etag: &str, size| ListedPart { part_number: number, etag: etag.into(), size };
    for part in [part(1, 4), claim(2, "e2"), claim(3, "e3"), claim(4, "e4")] {
        assert_eq!(send_at(&mut slot, Message::Record { part, receipt: false }, 1_010), SessionReply::Done);
    }
    assert_eq!(send_at(&mut slot, begin(1), 1_110), SessionReply::Unlisted);
    // Part 2 is listed as claimed, part 3 with another ETag, part 4 with a size outside the plan.
    let listing = vec![listed(1, "e1", 10), listed(2, "e2", 10), listed(3, "other", 10), listed(4, "e4", 10)];
    let reply = send_at(&mut slot, Message::Reconcile { listed: listing, listed_at: EpochMs(1_210) }, 1_310);
    let SessionReply::State { parts, .. } = reply else { panic!("{reply:?}") };
    let seen: Vec<_> = parts.iter().map(|part| (part.number, part.etag.as_str(), part.sha256.is_some(), part.evidence)).collect();
    assert_eq!(seen, [(1, "e1", false, Evidence::Seen), (2, "e2", true, Evidence::Listed), (3, "other", false, Evidence::Listed)]);
    assert_eq!(send_at(&mut slot, begin(1), 1_410), SessionReply::Missing { parts: vec![4] });
    // A claim does not replace a part that this service has seen, and replaces any other.
    send_at(&mut slot, Message::Record { part: claim(1, "e1"), receipt: false }, 1_510);
    send_at(&mut slot, Message::Record { part: part(4, 4), receipt: false }, 1_510);
    assert!(matches!(send_at(&mut slot, begin(1), 1_610), SessionReply::State { .. }));
    let mut slot = open(1);
    send_at(&mut slot, Message::Record { part: Part { evidence: Evidence::Claimed, ..part(1, 1) }, receipt: false }, 1_010);
    send_at(&mut slot, Message::Reconcile { listed: vec![], listed_at: EpochMs(1_210) }, 1_310);
    assert_eq!(send_at(&mut slot, begin(1), 1_410), SessionReply::Missing { parts: vec![1] }, "a part that is not listed is removed");
}

/// MD5 is not collision-resistant: with two hashes for one ETag it is unknown which bytes the store has.
#[test]
fn two_hashes_for_one_etag_remove_the_hash() {
    let mut slot = open(1);
    let hashed = |bytes: &[u8]| Part { sha256: Some(Sha256Hex::of(bytes)), ..part(1, 1) };
    for (bytes, known) in [(&b"a"[..], true), (b"a", true), (b"b", false), (b"a", false)] {
        send(&mut slot, Message::Record { part: hashed(bytes), receipt: false });
        let SessionReply::State { parts, .. } = send(&mut slot, Message::Snapshot) else { panic!() };
        assert_eq!(parts.first().unwrap().sha256.is_some(), known);
    }
}

#[test]
fn check_lease_returns_busy_while_completing_and_mark_direct_is_persisted() {
    let mut slot = open(1);
    assert_eq!(send(&mut slot, Message::CheckLease), SessionReply::Done);
    let SessionReply::State { meta, .. } = send(&mut slot, Message::MarkDirect) else { panic!() };
    assert!(meta.direct && meta.urls_at == Some(EpochMs(1_100)));
    send(&mut slot, Message::Record { part: part(1, 1), receipt: false });
    send(&mut slot, begin(1));
    assert_eq!(send(&mut slot, Message::CheckLease), SessionReply::Busy);
    if let Some(session) = slot.as_mut() {
        session.meta.ttl_ms = 10 * COMPLETION_LEASE_MS;
    }
    assert_eq!(apply(&mut slot, Message::CheckLease, EpochMs(1_100 + COMPLETION_LEASE_MS)).0, SessionReply::Done);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Any sequence of messages: the invariants of the module hold, and the written effects equal the state in memory.
    #[test]
    fn any_message_sequence_keeps_invariants_and_effects_equal_state(chunks in 1u16..5, steps in prop::collection::vec((messages(4), 0u64..90), 0..40)) {
        let mut slot = open(u64::from(chunks));
        let mut written = slot.clone().unwrap();
        let mut now = 1_000;
        let mut outcome: Option<Value> = None;
        for (message, wait) in steps {
            now += wait;
            let before = slot.clone().unwrap();
            let (reply, effects) = apply(&mut slot, message, EpochMs(now));
            let after = slot.clone().unwrap();
            for effect in effects {
                match effect {
                    Effect::PutMeta => written.meta = after.meta.clone(),
                    Effect::PutPart(part) => { written.parts.insert(part.number, part); }
                    Effect::DropPart(number) => { written.parts.remove(&number); }
                }
            }
            prop_assert_eq!(&written, &after, "an effect is missing");
            prop_assert!(after.parts.values().all(|p| after.meta.part_len(p.number) == Some(p.size)));
            if matches!(before.meta.status, Status::Complete | Status::Failed | Status::Expired) {
                prop_assert_eq!(&before, &after, "final states are final");
            }
            prop_assert!(before.meta.ambiguous.is_subset(&after.meta.ambiguous), "what was ambiguous stays so");
            prop_assert!(after.parts.values().all(|part| part.sha256.is_none() || !after.meta.ambiguous.contains(&part.number)));
            if before.meta.status != Status::Uploading {
                prop_assert_eq!(&before.parts, &after.parts, "parts change only while uploading");
            }
            if matches!(after.meta.status, Status::Completing | Status::Complete) {
                prop_assert!(after.missing().is_empty());
                prop_assert!(after.parts.values().all(|part| part.evidence != Evidence::Claimed), "claimed parts do not complete");
            }
            if let SessionReply::Complete { outcome: recorded } = reply {
                prop_assert_eq!(outcome.get_or_insert(recorded.clone()), &recorded, "one upload, one outcome");
            }
        }
    }
}
