use proptest::prelude::*;
use serde_json::json;

use super::tests::{open, part};
use crate::uploads::session::append::APPEND_LEASE_MS;
use crate::uploads::session::appending::{Appending, Fragment, MAX_FRAGMENTS};
use crate::uploads::session::machine::*;
use crate::uploads::session::progress::{Change, Progress};

fn id(n: u8) -> Id {
    Id::from_random([n; 16])
}

fn send(slot: &mut Option<Session>, message: Message, at: u64) -> SessionReply {
    apply(slot, message, EpochMs(at)).0
}

fn begin(lease: u8, offset: u64, takes_over: bool) -> Message {
    Message::BeginAppend { lease: id(lease), offset, takes_over }
}

fn told(lease: u8, changes: Vec<Change>) -> Message {
    Message::Append { lease: id(lease), progress: Progress { changes, ..Progress::default() } }
}

fn park(n: u8, size: u64, part: u16, joined: bool) -> Change {
    Change::Park { fragment: Fragment { id: id(n), size, sha256: Sha256Hex::of(&[n]) }, part, joined }
}

fn offset(slot: &Option<Session>) -> u64 {
    slot.as_ref().map_or(0, Session::offset)
}

fn appending(slot: &Option<Session>) -> Appending {
    slot.as_ref().and_then(|session| session.meta.appending.clone()).unwrap_or_default()
}

/// An upload of unknown length, of 30 bytes at most.
fn open_deferred() -> Option<Session> {
    let mut slot = open(3);
    if let Some(session) = &mut slot {
        session.meta.file_size = 30;
        session.meta.appending = Some(Appending { deferred: true, ..Appending::default() });
    }
    slot
}

#[test]
fn one_append_at_a_time_has_the_lease_until_it_ends_is_silent_or_is_taken_over() {
    let mut slot = open(3);
    slot.as_mut().unwrap().meta.ttl_ms = 60_000;
    assert!(matches!(send(&mut slot, begin(1, 0, false), 1_000), SessionReply::At { offset: 0, .. }));
    assert_eq!(send(&mut slot, begin(2, 0, false), 1_001), SessionReply::Busy);
    assert_eq!(send(&mut slot, told(1, vec![]), 1_100), SessionReply::Done);
    assert_eq!(send(&mut slot, begin(2, 0, false), 1_099 + APPEND_LEASE_MS), SessionReply::Busy, "a sign of life renews it");
    assert!(matches!(send(&mut slot, begin(2, 0, false), 1_100 + APPEND_LEASE_MS), SessionReply::At { .. }));
    assert_eq!(send(&mut slot, told(1, vec![park(9, 4, 1, false)]), 9_200), SessionReply::Busy, "the first one records nothing any more");
    assert!(matches!(send(&mut slot, begin(3, 0, true), 9_201), SessionReply::At { .. }));
    assert_eq!(send(&mut slot, told(2, vec![]), 9_202), SessionReply::Busy);
    assert!(matches!(send(&mut slot, Message::Offset { ends_append: true }, 9_203), SessionReply::At { .. }));
    assert_eq!(send(&mut slot, told(3, vec![]), 9_204), SessionReply::Busy, "a question may end it");
    assert_eq!(offset(&slot), 0);
}

#[test]
fn append_at_another_offset_is_told_the_right_one_and_takes_nothing_over() {
    let mut slot = open(3);
    send(&mut slot, begin(1, 0, false), 1_000);
    assert!(matches!(send(&mut slot, begin(2, 5, true), 1_001), SessionReply::At { offset: 0, .. }));
    assert_eq!(send(&mut slot, told(1, vec![park(9, 4, 1, false)]), 1_002), SessionReply::Done);
    assert_eq!(offset(&slot), 4);
}

#[test]
fn fragments_count_until_their_part_is_recorded_and_are_deleted_then() {
    let mut slot = open(3);
    send(&mut slot, begin(1, 0, false), 1_000);
    assert_eq!(send(&mut slot, told(1, vec![park(7, 4, 1, false), park(8, 3, 1, false)]), 1_001), SessionReply::Done);
    assert_eq!(offset(&slot), 7);
    assert_eq!(send(&mut slot, told(1, vec![park(9, 7, 1, true)]), 1_002), SessionReply::Done, "joined to one");
    assert_eq!((offset(&slot), appending(&slot).stale), (7, vec![id(7), id(8)]));
    assert_eq!(send(&mut slot, told(1, vec![Change::Part(part(1, 3))]), 1_003), SessionReply::Done);
    assert_eq!((offset(&slot), appending(&slot).stale), (10, vec![id(7), id(8), id(9)]));
    let deleted = Message::Append { lease: id(1), progress: Progress { deleted: vec![id(7), id(9)], ends: true, ..Progress::default() } };
    assert_eq!(send(&mut slot, deleted, 1_004), SessionReply::Done);
    assert_eq!((appending(&slot).stale, appending(&slot).lease), (vec![id(8)], None));
}

#[test]
fn what_does_not_continue_the_upload_is_recorded_neither_whole_nor_in_part() {
    for wrong in [
        vec![park(7, 4, 1, false), park(8, 6, 1, false)],
        vec![park(7, 4, 2, false)],
        vec![Change::Part(part(2, 3))],
        vec![Change::Part(part(1, 3)), park(7, 7, 3, false)],
        vec![park(7, 4, 1, false), park(8, 3, 1, true)],
        (0..=u8::try_from(MAX_FRAGMENTS).unwrap()).map(|n| park(n, 0, 1, false)).collect(),
    ] {
        let mut slot = open(3);
        send(&mut slot, begin(1, 0, false), 1_000);
        assert_eq!(send(&mut slot, told(1, wrong.clone()), 1_001), SessionReply::NotInPlan, "{wrong:?}");
        assert_eq!((offset(&slot), appending(&slot).parked.len()), (0, 0), "{wrong:?}");
    }
}

#[test]
fn length_is_set_once_at_or_behind_the_offset_and_within_what_is_reserved() {
    let mut slot = open_deferred();
    send(&mut slot, begin(1, 0, false), 1_000);
    send(&mut slot, told(1, vec![Change::Part(Part { size: 10, ..part(1, 3) }), park(7, 4, 2, false)]), 1_001);
    for wrong in [0, 9, 13, 31] {
        assert_eq!(send(&mut slot, Message::SetLength { length: wrong }, 1_002), SessionReply::NotInPlan, "{wrong}");
    }
    assert!(matches!(send(&mut slot, Message::SetLength { length: 14 }, 1_003), SessionReply::At { meta, offset: 14, .. } if meta.file_size == 14));
    assert!(matches!(send(&mut slot, Message::SetLength { length: 14 }, 1_004), SessionReply::At { .. }), "the same again");
    assert_eq!(send(&mut slot, Message::SetLength { length: 15 }, 1_005), SessionReply::NotInPlan);
    assert_eq!(send(&mut slot, told(1, vec![Change::Part(Part { size: 4, ..part(2, 3) })]), 1_006), SessionReply::Done);
    assert_eq!(offset(&slot), 14);
    assert_eq!(send(&mut open(3), Message::SetLength { length: 20 }, 1_007), SessionReply::NotInPlan, "its length was known");
}

#[test]
fn partial_upload_is_joined_once_and_no_other_upload_is() {
    let joined = |slot: &mut Option<Session>, into: u8| match send(slot, Message::Join { into: id(into) }, 1_000) {
        SessionReply::At { meta, .. } => meta.appending.and_then(|appending| appending.joined),
        _ => None,
    };
    let mut slot = open(3);
    assert_eq!(joined(&mut slot, 7), None);
    slot.as_mut().unwrap().meta.appending = Some(Appending { concat: Some("partial".into()), ..Appending::default() });
    assert_eq!((joined(&mut slot, 7), joined(&mut slot, 8)), (Some(id(7)), Some(id(7))));
    send(&mut slot, Message::Fail, 1_001);
    assert_eq!(joined(&mut slot, 9), Some(id(7)), "also once it has ended");
}

/// Its bytes may be those that were refused for their checksum.
#[test]
fn part_that_an_append_did_not_record_is_not_adopted_from_a_listing() {
    let listed = || vec![ListedPart { part_number: 1, etag: "e1".into(), size: 10 }];
    let mut slot = open(3);
    send(&mut slot, begin(1, 0, false), 1_000);
    send(&mut slot, Message::Reconcile { listed: listed(), listed_at: EpochMs(1_050) }, 1_060);
    assert_eq!(offset(&slot), 0);
    let mut parts_only = open(3);
    send(&mut parts_only, Message::Reconcile { listed: listed(), listed_at: EpochMs(1_050) }, 1_060);
    assert_eq!(offset(&parts_only), 10);
}

/// Records of sessions that are open during a deployment are read by the next version.
#[test]
fn stored_text_of_what_was_appended_is_pinned() {
    let text = json!({
        "metadata": "filename YQ==", "concat": "partial", "joined": id(4), "deferred": true, "lease": { "id": id(1), "until": 5 }, "part": 2,
        "parked": [{ "id": id(2), "size": 3, "sha256": Sha256Hex::of(b"x") }], "stale": [id(3)],
    });
    let read: Appending = serde_json::from_value(text.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), text);
    assert_eq!(serde_json::from_str::<Appending>("{}").unwrap(), Appending::default());
}

fn messages() -> impl Strategy<Value = Message> {
    let change = (1u16..=3, 0u8..8, 0u64..12, any::<bool>(), any::<bool>())
        .prop_map(|(number, n, size, joined, is_part)| if is_part { Change::Part(part(number, 3)) } else { park(n, size, number, joined) });
    prop_oneof![
        2 => (0u8..3, 0u64..30, any::<bool>()).prop_map(|(lease, offset, takes_over)| begin(lease, offset, takes_over)),
        6 => (0u8..3, prop::collection::vec(change, 0..3)).prop_map(|(lease, changes)| told(lease, changes)),
        1 => any::<bool>().prop_map(|ends_append| Message::Offset { ends_append }),
        1 => (0u64..32).prop_map(|length| Message::SetLength { length }),
    ]
}

proptest! {
    #[test]
    fn offset_never_falls_and_parked_bytes_never_fill_a_part(messages in prop::collection::vec(messages(), 1..60)) {
        let mut slot = open(3);
        let mut before = 0;
        for (step, message) in messages.into_iter().enumerate() {
            send(&mut slot, message, 1_000 + u64::try_from(step).unwrap());
            let now = offset(&slot);
            prop_assert!(now >= before, "{before} {now}");
            let session = slot.as_ref().unwrap();
            let parked: u64 = session.meta.appending.iter().flat_map(|appending| &appending.parked).map(|fragment| fragment.size).sum();
            prop_assert!(parked < 10 && now <= session.meta.file_size);
            before = now;
        }
    }
}
