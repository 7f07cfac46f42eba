//! Parties that are added and succeed one another, in the files and through a repository's life.

use sigstore::signing_config::SigningConfig;
use sigstore::trusted_root::TrustedRoot;
use sigstore::{KeyKind, UnixSeconds};

use super::*;
use crate::signer::{FileSigner, Signer as _, generate};
use crate::trust_root::{
    CertifiedAuthority, Change, InitialKeys, Lifetimes, LogIdentity, Repository, TrustMaterial,
    TrustedLog,
};

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

fn time(days: u64) -> ProtoTime {
    ProtoTime::from_seconds(NOW.plus_seconds(days * DAY_SECONDS)).unwrap()
}

fn signer() -> FileSigner {
    FileSigner::from_pkcs8_der(&generate(KeyKind::EcdsaP256).unwrap()).unwrap()
}

fn material() -> TrustMaterial {
    let valid_for = TimeRange::starting(time(0));
    let authority = |url: &str| CertifiedAuthority {
        url: url.to_owned(),
        common_name: "a".to_owned(),
        cert_chain: vec![vec![0x30, 0x00], vec![0x30, 0x00]],
        valid_for,
    };
    TrustMaterial {
        operator: "a.example".to_owned(),
        logs: vec![TrustedLog {
            base_url: "https://a.example".to_owned(),
            identity: LogIdentity::Ed25519 {
                origin: "a.example".to_owned(),
                public_key: [7; 32],
            },
            valid_for,
        }],
        ct_logs: vec![TrustedLog {
            base_url: "https://a.example/logs/ct".to_owned(),
            identity: LogIdentity::P256 {
                spki_der: signer().public_key().to_vec(),
            },
            valid_for,
        }],
        certificate_authorities: vec![authority("https://a.example")],
        timestamp_authorities: vec![authority("https://a.example/api/v1/timestamp")],
        oidc_issuers: vec![("https://login.a.example".to_owned(), valid_for)],
    }
}

fn draft() -> Draft {
    Draft::read(material().target_files(time(0)).unwrap()).unwrap()
}

fn next_log() -> Party {
    let valid_for = TimeRange::starting(time(1));
    let url = "https://log-2.a.example".to_owned();
    let log = TransparencyLogInstance::with_note_key(url, "log-2.a.example", &[8; 32], valid_for);
    Party::Log(log)
}

fn next_authority(kind: PartyKind) -> Party {
    let url = match kind {
        PartyKind::TimestampAuthority => "https://a.example/api/v1/timestamp",
        _ => "https://a.example",
    };
    let authority = AuthorityInstance {
        subject: sigstore::trusted_root::AuthoritySubject::default(),
        uri: url.to_owned(),
        cert_chain: vec![vec![0x31, 0x00], vec![0x30, 0x00]],
        valid_for: TimeRange::starting(time(1)),
        operator: "a.example".to_owned(),
    };
    match kind {
        PartyKind::TimestampAuthority => Party::TimestampAuthority(authority),
        _ => Party::CertificateAuthority(authority),
    }
}

fn parts(draft: &Draft) -> (TrustedRoot, SigningConfig) {
    let files = draft.target_files().unwrap();
    let root = TrustedRoot::parse(&files[TRUSTED_ROOT]).unwrap();
    (root, SigningConfig::parse(&files[SIGNING_CONFIG]).unwrap())
}

#[test]
fn what_is_read_is_written_as_it_was() {
    let mut files = material().target_files(time(0)).unwrap();
    files.insert("other.json".to_owned(), b"{}".to_vec());
    let draft = Draft::read(files.clone()).unwrap();
    assert_eq!(draft.target_files(), Ok(files.clone()));
    files.remove(SIGNING_CONFIG);
    assert!(matches!(
        Draft::read(files),
        Err(TrustRootError::MissingFile { .. })
    ));
}

#[test]
fn a_new_log_is_trusted_and_nobody_is_sent_there() {
    let mut draft = draft();
    let (_, config) = parts(&draft);
    draft.add(next_log()).unwrap();
    let (root, still) = parts(&draft);
    assert_eq!(root.tlogs.len(), 2);
    assert_eq!(still, config);
    let (kind, id) = (PartyKind::Log, next_log().id());
    assert!(!draft.find(kind, id).unwrap().is_used);
    assert_eq!(draft.add(next_log()), Err(DraftError::Known { kind, id }));
}

#[test]
fn a_log_succeeds_another() {
    let mut draft = draft();
    let (kind, id) = (PartyKind::Log, next_log().id());
    let unknown = draft.succeed(kind, id, time(2));
    assert_eq!(unknown, Err(DraftError::Unknown { kind, id }));
    draft.add(next_log()).unwrap();
    assert_eq!(draft.succeed(kind, id, time(2)), Ok(time(32)));
    let (root, config) = parts(&draft);
    assert_eq!(root.tlogs[0].valid_for.end, Some(time(32)));
    assert_eq!(root.tlogs[1].valid_for.end, None);
    let [service] = config.rekor_tlog_urls.as_slice() else {
        panic!("one log at a time: {config:?}")
    };
    assert_eq!(service.url, "https://log-2.a.example");
    assert_eq!(service.valid_for, TimeRange::starting(time(2)));
    assert_eq!(service.operator, "a.example");
    let old = PartyId(root.tlogs[0].log_id);
    assert!(matches!(
        draft.succeed(kind, old, time(3)),
        Err(DraftError::Ended { .. })
    ));
}

#[test]
fn authorities_keep_their_address_and_end_one_after_the_other() {
    for kind in [
        PartyKind::CertificateAuthority,
        PartyKind::TimestampAuthority,
    ] {
        let mut draft = draft();
        let (_, config) = parts(&draft);
        let new = next_authority(kind);
        draft.add(new.clone()).unwrap();
        assert_eq!(draft.succeed(kind, new.id(), time(2)), Ok(time(3)));
        // What was succeeded once keeps its end.
        assert_eq!(draft.succeed(kind, new.id(), time(9)), Ok(time(10)));
        let ends = draft
            .parties()
            .into_iter()
            .filter(|party| party.kind == kind);
        let ends: Vec<_> = ends.map(|party| party.valid_for.end).collect();
        assert_eq!(ends, [Some(time(3)), None]);
        assert_eq!(parts(&draft).1, config);
    }
}

#[test]
fn a_party_says_in_a_line_when_it_is_valid() {
    let mut draft = draft();
    draft.add(next_log()).unwrap();
    draft
        .succeed(PartyKind::Log, next_log().id(), time(2))
        .unwrap();
    let lines: Vec<String> = draft.parties().iter().map(PartyView::to_string).collect();
    assert!(
        lines[0].ends_with("valid from 2027-01-15T08:00:00Z to 2027-02-16T08:00:00Z"),
        "{lines:?}"
    );
    assert!(lines[1].ends_with("valid from 2027-01-16T08:00:00Z, in the signing config"));
}

#[test]
fn a_repository_knows_since_when_a_party_is_published() {
    let (root, targets, online) = (signer(), signer(), signer());
    let keys = InitialKeys {
        root: &root,
        targets: &targets,
        online: &online,
    };
    let files = material().target_files(time(0)).unwrap();
    let mut repository = Repository::create(keys, files, Lifetimes::default(), NOW).unwrap();
    let mut draft = Draft::read(repository.target_files()).unwrap();
    draft.add(next_log()).unwrap();
    let (kind, id) = (PartyKind::Log, next_log().id());
    let change = Change {
        keys: None,
        files: Some(draft.target_files().unwrap()),
    };
    let proposed_at = NOW.plus_seconds(DAY_SECONDS);
    let mut update = repository.propose(change, proposed_at).unwrap();
    update.sign(&targets).unwrap();
    assert_eq!(repository.published_at(kind, id), None);
    let applied_at = NOW.plus_seconds(5 * DAY_SECONDS);
    repository.apply(&update, &online, applied_at).unwrap();
    let renewed_at = NOW.plus_seconds(80 * DAY_SECONDS);
    repository.renew(&online, renewed_at).unwrap();
    assert_eq!(repository.published_at(kind, id), Some(applied_at));
    let first = Draft::read(repository.target_files()).unwrap().parties()[0].id;
    assert_eq!(repository.published_at(kind, first), Some(NOW));
}
