use serde_json::json;

use crate::uploads::session::machine::tests::{begin, open, part};
use crate::uploads::session::machine::*;

fn hash(bytes: &[u8]) -> Option<Sha256Hex> {
    Some(Sha256Hex::of(bytes))
}

fn seen(etag: &str, bytes: &[u8]) -> Part {
    Part { etag: etag.into(), sha256: hash(bytes), ..part(1, 2) }
}

fn record(slot: &mut Option<Session>, part: Part, at: u64) -> SessionReply {
    apply(slot, Message::Record { part, receipt: false }, EpochMs(at)).0
}

/// What is recorded after the receipt of `part` was read.
fn receipt(slot: &mut Option<Session>, part: Part, at: u64) -> Part {
    let part = Part { evidence: Evidence::Claimed, ..part };
    match apply(slot, Message::Record { part, receipt: true }, EpochMs(at)).0 {
        SessionReply::Recorded { part } => part,
        other => panic!("{other:?}"),
    }
}

fn list(slot: &mut Option<Session>, etag: Option<&str>, at: u64) {
    let listed = etag.map(|etag| ListedPart { part_number: 1, etag: etag.into(), size: part(1, 2).size });
    apply(slot, Message::Reconcile { listed: listed.into_iter().collect(), listed_at: EpochMs(at) }, EpochMs(at + 1));
}

fn of(slot: &Option<Session>) -> Part {
    slot.as_ref().unwrap().parts.get(&1).unwrap().clone()
}

/// X and Y have one MD5. X was sent, then Y: the receipt of X does not bring its hash back.
#[test]
fn receipt_of_the_first_of_two_colliding_parts_leaves_the_hash_unknown() {
    let mut slot = open(2);
    record(&mut slot, seen("e", b"x"), 1_010);
    record(&mut slot, seen("e", b"y"), 1_020);
    assert_eq!(of(&slot).sha256, None);
    for bytes in [b"x", b"y"] {
        assert_eq!(receipt(&mut slot, seen("e", bytes), 1_030).sha256, None);
    }
    // Nor does anything else: sending it again, a claim, a listing, losing the part at the store.
    record(&mut slot, seen("e", b"x"), 1_040);
    assert_eq!(of(&slot).sha256, None);
    list(&mut slot, Some("other"), 1_050);
    assert_eq!(receipt(&mut slot, seen("other", b"z"), 1_060).sha256, None);
    list(&mut slot, None, 1_070);
    assert!(!slot.as_ref().unwrap().parts.contains_key(&1));
    assert_eq!(receipt(&mut slot, seen("e", b"x"), 1_080).sha256, None);
    record(&mut slot, Part { evidence: Evidence::Claimed, ..seen("e", b"x") }, 1_090);
    assert_eq!(of(&slot).sha256, None);
    record(&mut slot, seen("f", b"x"), 1_100);
    assert_eq!((of(&slot).sha256, of(&slot).etag.as_str()), (None, "f"));
    assert!(slot.unwrap().meta.ambiguous.contains(&1));
}

#[test]
fn receipt_never_overrides_a_later_record() {
    let mut slot = open(2);
    record(&mut slot, seen("e", b"y"), 1_010);
    let kept = receipt(&mut slot, seen("d", b"x"), 1_020);
    assert_eq!((kept.etag.as_str(), kept.sha256, kept.evidence), ("e", hash(b"y"), Evidence::Seen));
    // A receipt of other bytes with the recorded ETag shows a collision.
    assert_eq!(receipt(&mut slot, seen("e", b"x"), 1_030).sha256, None);
    let mut slot = open(2);
    record(&mut slot, Part { evidence: Evidence::Claimed, ..seen("e", b"y") }, 1_010);
    let kept = receipt(&mut slot, seen("d", b"x"), 1_020);
    assert_eq!((kept.etag.as_str(), kept.sha256, kept.evidence), ("e", hash(b"y"), Evidence::Claimed));
}

#[test]
fn receipt_fills_a_listed_part_with_its_hash_and_an_absent_one_as_a_claim() {
    let mut slot = open(2);
    list(&mut slot, Some("e"), 1_010);
    assert_eq!(receipt(&mut slot, seen("d", b"x"), 1_020).sha256, None, "of an ETag that is not listed");
    let filled = receipt(&mut slot, seen("e", b"x"), 1_030);
    assert_eq!((filled.sha256.clone(), filled.evidence), (hash(b"x"), Evidence::Listed), "the store need not have these bytes any more");
    assert_eq!(of(&slot), filled);
    let mut slot = open(1);
    let whole = |bytes: &[u8]| Part { sha256: hash(bytes), ..part(1, 1) };
    assert_eq!(receipt(&mut slot, whole(b"x"), 1_010).evidence, Evidence::Claimed);
    assert_eq!(apply(&mut slot, begin(1), EpochMs(1_020)).0, SessionReply::Unlisted);
}

/// The answer to Y was lost: the store may have it under the ETag of the record.
#[test]
fn part_of_unknown_outcome_takes_the_hash_from_a_record_of_other_bytes() {
    let failed = |slot: &mut Option<Session>, bytes: &[u8], may_be_stored| {
        apply(slot, Message::PartFailed { number: 1, sha256: hash(bytes), may_be_stored }, EpochMs(1_020)).0
    };
    for (bytes, may_be_stored, known) in [(&b"y"[..], true, false), (b"y", false, true), (b"x", true, true)] {
        let mut slot = open(2);
        record(&mut slot, seen("e", b"x"), 1_010);
        assert_eq!(failed(&mut slot, bytes, may_be_stored), SessionReply::Done);
        assert_eq!(of(&slot).sha256.is_some(), known, "{bytes:?} {may_be_stored}");
    }
    let mut slot = open(2);
    assert_eq!(failed(&mut slot, b"x", true), SessionReply::Done);
    record(&mut slot, seen("e", b"x"), 1_030);
    assert_eq!(of(&slot).sha256, hash(b"x"), "a repeated part keeps its hash");
    record(&mut slot, seen("f", b"z"), 1_040);
    failed(&mut slot, b"y", true);
    record(&mut slot, seen("g", b"y"), 1_050);
    assert_eq!(of(&slot).sha256, hash(b"y"), "a later part of another ETag has its own");
    apply(&mut slot, Message::Suspend { suspended: true, as_of: EpochMs(1) }, EpochMs(1_060));
    assert_eq!(failed(&mut slot, b"x", true), SessionReply::Suspended);
    apply(&mut slot, Message::Fail, EpochMs(1_070));
    assert_eq!(failed(&mut slot, b"x", true), SessionReply::Closed { status: Status::Failed });
}

#[test]
fn part_sent_with_and_without_a_hash_under_one_etag_has_an_unknown_hash() {
    for (first, second) in [(hash(b"x"), None), (None, hash(b"x"))] {
        let mut slot = open(2);
        for sha256 in [first, second] {
            record(&mut slot, Part { sha256, ..seen("e", b"") }, 1_010);
        }
        assert_eq!(of(&slot).sha256, None);
    }
    // An answer was lost, the part was listed, and is sent again: nothing is ambiguous.
    let mut slot = open(2);
    list(&mut slot, Some("e"), 1_010);
    record(&mut slot, seen("e", b"x"), 1_020);
    assert_eq!(of(&slot).sha256, hash(b"x"));
}

#[test]
fn ambiguity_and_messages_have_pinned_forms() {
    let mut slot = open(2);
    record(&mut slot, seen("e", b"x"), 1_010);
    let (_, effects) = apply(&mut slot, Message::Record { part: seen("e", b"y"), receipt: false }, EpochMs(1_020));
    assert!(matches!(effects.as_slice(), [Effect::PutMeta, Effect::PutPart(_)]), "{effects:?}");
    let meta = serde_json::to_value(&slot.unwrap().meta).unwrap();
    assert_eq!(meta["ambiguous"], json!([1]));
    let text = serde_json::to_string(&Message::Record { part: part(1, 1), receipt: false }).unwrap();
    assert!(!text.contains("receipt"), "{text}");
    assert!(matches!(serde_json::from_str(&text).unwrap(), Message::Record { receipt: false, .. }));
}
