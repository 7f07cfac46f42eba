//! Whom the policy wants.

use super::*;

fn verdict_for(identities: Vec<Identity>) -> Result<Verified, Refused> {
    let bundle = Signing::default().sign().v2();
    verdict(&bundle, &Policy::identities(identities), trust())
}

fn exact(text: &str) -> TextMatch {
    TextMatch::Exact(text.to_owned())
}

fn pattern(text: &str) -> TextMatch {
    TextMatch::pattern(text).unwrap()
}

fn of(issuer: TextMatch, name: TextMatch) -> Identity {
    Identity { issuer, name }
}

#[test]
fn the_issuer_is_the_wanted_one() {
    let words = "found \"https://issuer.example.org\", wanted \"https://issuer.example.com\"";
    let wanted = of(exact("https://issuer.example.com"), exact(NAME));
    refused_by(Check::IdentityIssuer, words, verdict_for(vec![wanted]));
}

#[test]
fn the_name_is_the_wanted_one() {
    let words = "found \"signer@example.org\", wanted \"Signer@example.org\"";
    let wanted = of(exact(ISSUER), exact("Signer@example.org"));
    refused_by(Check::IdentityName, words, verdict_for(vec![wanted]));
}

#[test]
fn a_policy_that_names_nobody_accepts_nobody() {
    refused_by(Check::IdentityIssuer, "nobody", verdict_for(Vec::new()));
}

#[test]
fn a_pattern_is_for_the_whole_text() {
    for inside in [
        "signer@example",
        "igner@example\\.org",
        "example",
        "^signer",
    ] {
        let wanted = of(exact(ISSUER), pattern(inside));
        let words = format!("all of /{inside}/");
        refused_by(Check::IdentityName, &words, verdict_for(vec![wanted]));
    }
    let wanted = of(pattern("https://issuer"), exact(NAME));
    refused_by(Check::IdentityIssuer, "all of", verdict_for(vec![wanted]));
    let wanted = of(pattern("https://.*"), pattern(".*@example\\.org"));
    verdict_for(vec![wanted]).unwrap();
}

/// The issuer of one and the name of another make nobody.
#[test]
fn name_and_issuer_belong_together() {
    let wanted = vec![
        of(exact(ISSUER), exact("other@example.org")),
        of(exact("https://issuer.example.com"), exact(NAME)),
    ];
    refused_by(
        Check::IdentityName,
        "other@example.org",
        verdict_for(wanted),
    );
}

#[test]
fn which_of_several_signed_is_told() {
    let other = of(exact(ISSUER), exact("other@example.org"));
    let verified = verdict_for(vec![other, identity()]).unwrap();
    let VerifiedSigner::Certified { identity, .. } = verified.signer() else {
        panic!("{verified:?}");
    };
    assert_eq!(*identity, 1);
}
