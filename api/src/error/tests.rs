//! Status, headers and body of refusals.

use super::*;

use std::collections::BTreeMap;

fn one_of_each() -> Vec<(Refusal, u16, u8)> {
    use Refusal as R;
    let seconds = Duration::from_secs(20);
    vec![
        (R::NoSuchPath, 404, 5),
        (R::NoSuchResource("why".to_owned()), 404, 5),
        (R::NoSuchIssuer, 404, 5),
        (R::NoSuchLog, 404, 5),
        (R::NoLogAtHost, 404, 5),
        (
            R::OtherKind {
                kind: "raw",
                path: "add",
            },
            404,
            5,
        ),
        (R::NotPublished, 404, 5),
        (R::MethodNotAllowed { allow: "GET" }, 405, 12),
        (R::RekorMethodNotAllowed { allow: "POST" }, 501, 12),
        (R::NotOneHost { found: 2 }, 400, 3),
        (R::BodyTooLarge { max: 7 }, 413, 3),
        (R::RekorBodyTooLarge { max: 7 }, 400, 3),
        (R::BodyTimeout(seconds), 408, 4),
        (R::BodyBroken, 400, 3),
        (R::BodyCoded, 415, 3),
        (R::UnknownQuery, 400, 3),
        (R::Unauthorized, 401, 16),
        (R::InvalidRequest(RequestError::NoRequest), 400, 3),
        (
            R::InvalidEntry(EntryError::Missing { path: "digest" }),
            400,
            3,
        ),
        (R::InvalidBatch("why".to_owned()), 400, 3),
        (R::InvalidChain("why".to_owned()), 400, 3),
        (R::ChainRefused(ChainError::RootAlone), 400, 3),
        (R::EntryTooLarge { found: 8, max: 7 }, 413, 3),
        (R::RekorEntryTooLarge { found: 8, max: 7 }, 400, 3),
        (R::BatchFraming("why".to_owned()), 400, 3),
        (R::BatchEmpty, 400, 3),
        (R::BatchTooMany { max: 7 }, 413, 3),
        (R::RekorBatchTooMany { max: 7 }, 400, 3),
        (R::BatchRefused(vec![R::BatchEmpty]), 400, 3),
        (R::Duplicate { index: 7 }, 409, 6),
        (R::PoolFull, 503, 14),
        (R::VerifyQueueFull, 503, 14),
        (R::BodiesFull, 503, 14),
        (R::ReadsFull, 503, 14),
        (R::AnswersFull, 503, 14),
        (R::IssuersFull, 503, 14),
        (R::Frozen, 405, 12),
        (R::RekorFrozen, 405, 12),
        (R::LogFailed, 503, 14),
        (R::LogStopped, 503, 14),
        (R::ShuttingDown, 503, 14),
        (R::NotSequenced, 500, 2),
        (R::OutcomeUnknown, 500, 2),
        (R::PublishTimeout(seconds), 504, 4),
        (R::ReadFailed, 500, 13),
        (R::Internal, 500, 13),
    ]
}

/// The same for calls, and for who calls too often.
fn one_of_each_call() -> Vec<(Refusal, u16, u8)> {
    use Refusal as R;
    let seconds = Duration::from_secs(20);
    vec![
        (
            R::TooManyRequests {
                retry_after: seconds,
            },
            429,
            8,
        ),
        (R::NoSuchMethod, 404, 12),
        (R::CallVersion, 505, 12),
        (R::CallMediaType, 415, 3),
        (R::CallMessages, 400, 12),
        (R::CallCompressed, 400, 12),
        (R::CallTimeout, 400, 3),
        (R::CallLate(seconds), 504, 4),
    ]
}

#[test]
fn every_refusal_has_its_status_and_may_not_be_cached() {
    for (refusal, status, code) in one_of_each().into_iter().chain(one_of_each_call()) {
        let (found_status, found_code) = refusal.status();
        assert_eq!(
            (found_status.as_u16(), u8::from(found_code)),
            (status, code),
            "{refusal:?}"
        );
        let response = refusal.clone().into_response();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{refusal:?}");
        assert!(!response.headers().contains_key("content-encoding"));
        let unavailable = status == 503;
        assert!(
            !unavailable || response.headers().contains_key(RETRY_AFTER),
            "{refusal:?}"
        );
    }
}

#[test]
fn every_refusal_has_a_text_of_its_own() {
    let mut seen = BTreeMap::new();
    for (refusal, ..) in one_of_each().into_iter().chain(one_of_each_call()) {
        // The same mistake met with two conventions has one text.
        if !matches!(
            refusal,
            Refusal::RekorMethodNotAllowed { .. }
                | Refusal::RekorEntryTooLarge { .. }
                | Refusal::BatchRefused(_)
        ) {
            let text = refusal.to_string();
            assert!(!text.contains('\n') && !text.contains("  "), "{text}");
            assert_eq!(seen.insert(text, refusal.clone()), None, "{refusal:?}");
        }
    }
}

#[test]
fn upstream_texts_come_first() {
    let check = |refusal: Refusal, upstream: &str| {
        let text = refusal.to_string();
        assert!(
            text.starts_with(upstream),
            "{text:?} does not begin with {upstream:?}"
        );
    };
    let missing = EntryError::Missing { path: "digest" };
    check(
        Refusal::InvalidRequest(RequestError::NoRequest),
        "invalid type, must be hashedrekord: ",
    );
    check(
        Refusal::InvalidRequest(RequestError::DsseMissing { path: "payload" }),
        "invalid dsse request: payload: ",
    );
    check(
        Refusal::InvalidEntry(missing),
        "invalid hashedrekord request: digest",
    );
    check(Refusal::PoolFull, "reached max pushback; retry");
    check(Refusal::VerifyQueueFull, "reached max pushback; retry");
    check(Refusal::NotSequenced, "failed to integrate entry");
    check(Refusal::OutcomeUnknown, "failed to integrate entry");
    check(Refusal::NoSuchPath, "Not Found");
    check(
        Refusal::RekorMethodNotAllowed { allow: "POST" },
        "Method Not Allowed",
    );
    let duplicate = "an equivalent entry already exists in the transparency log with index 7";
    assert_eq!(Refusal::Duplicate { index: 7 }.to_string(), duplicate);
}

#[test]
fn the_body_is_a_status() {
    let wanted = r#"{"code":14,"message":"reached max pushback; retry","details":[]}"#;
    assert_eq!(Refusal::PoolFull.to_json(), wanted);
    let refused = Refusal::BatchRefused(vec![Refusal::PoolFull]);
    let head = r#"{"code":14,"message":"none of the 1 requests was logged; "#;
    let tail = format!(r#""details":[],"results":[{wanted}]}}"#);
    let json = refused.to_json();
    assert!(json.starts_with(head) && json.ends_with(&tail), "{json}");
}

#[test]
fn a_refused_batch_has_the_status_its_elements_share() {
    let check = |results: &[Refusal], status: u16| {
        assert_eq!(
            Refusal::BatchRefused(results.to_vec()).status().0,
            status,
            "{results:?}"
        );
    };
    let conflict = Refusal::Duplicate { index: 7 };
    check(&[conflict.clone(), Refusal::Duplicate { index: 8 }], 409);
    check(&[conflict, Refusal::BatchEmpty], 400);
    check(&[Refusal::NotSequenced, Refusal::NotSequenced], 500);
    check(&[], 400);
}

#[test]
fn hostile_texts_stay_inside_their_json_string() {
    let refusal = Refusal::NoSuchResource("\"},{\"code\":0\n\u{0}\u{202e}".to_owned());
    let json: serde_json::Value = serde_json::from_str(&refusal.to_json()).unwrap();
    assert_eq!(json["code"], 5);
}

#[test]
fn engine_errors_lose_their_detail() {
    let detail = "/var/lib/secret".to_owned();
    for error in [
        AddError::BatchFailed(detail.clone()),
        AddError::Fatal(detail.clone()),
        AddError::Rejected(Rejection::ReadOnly(detail.clone())),
    ] {
        assert!(!Refusal::from(error).to_string().contains("secret"));
    }
    let error = StoreError::Backend(detail);
    assert_eq!(Refusal::from(error), Refusal::ReadFailed);
}
