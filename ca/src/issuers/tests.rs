//! What a configuration may say, what is refused and how, and whom rules let in.

use serde_json::{Value, json};

use super::*;

#[derive(Debug, serde::Deserialize)]
struct File {
    issuer: Vec<IssuerSection>,
}

fn table(toml: &str, profile: Profile) -> Result<IssuerTable, String> {
    let file: File = toml::from_str(toml).map_err(|error| error.to_string())?;
    IssuerTable::new(&file.issuer, profile).map_err(|error| error.to_string())
}

fn production(toml: &str) -> Result<IssuerTable, String> {
    table(toml, Profile::Production)
}

/// One section, by its lines, as in production.
fn section(lines: &str) -> Result<IssuerTable, String> {
    production(&format!("[[issuer]]\n{lines}"))
}

/// A section of each preset, in the order of [`Preset::ALL`].
const ALL_PRESETS: &str = r#"
[[issuer]]
preset = "github"
[[issuer.allow]]
owner = "acme"

[[issuer]]
preset = "github-enterprise"
url = "https://git.acme.example/_services/token"

[[issuer]]
preset = "gitlab"
url = "https://gitlab.acme.example"

[[issuer]]
preset = "google"
[[issuer.allow]]
email_domain = ["acme.example", "*.acme.example"]

[[issuer]]
preset = "kubernetes"
url = "https://kubernetes.default.svc"

[[issuer]]
preset = "buildkite"
allow = [{ organization_slug = "acme" }]

[[issuer]]
preset = "codefresh"
allow = [{ account_id = "a1" }]

[[issuer]]
preset = "circleci"
url = "https://oidc.circleci.com/org/o1"

[[issuer]]
preset = "spiffe"
url = "https://spire.acme.example"
trust_domain = "acme.example"

[[issuer]]
preset = "email"
url = "https://sso.acme.example/realms/dev"
skip_email_verification = true

[[issuer]]
preset = "username"
url = "https://id.acme.example/u"
subject_domain = "acme.example"

[[issuer]]
preset = "uri"
url = "https://id.acme.example/x"
subject_domain = "https://acme.example"

[[issuer]]
preset = "template"
url = "https://ci.acme.example"
subject = "https://ci.acme.example/{{ .project }}"
extensions.build-trigger = "event"
"#;

#[test]
fn every_preset_can_be_configured() {
    let table = production(ALL_PRESETS).unwrap();
    let presets: Vec<Preset> = table.issuers().iter().map(Issuer::preset).collect();
    assert_eq!(presets, Preset::ALL);
    let types: Vec<&str> = presets.iter().map(|preset| preset.fulcio_type()).collect();
    let ci = "ci-provider";
    let wanted = [
        ci,
        ci,
        ci,
        "email",
        "kubernetes",
        ci,
        ci,
        ci,
        "spiffe",
        "email",
        "username",
        "uri",
        ci,
    ];
    assert_eq!(types, wanted);
    let [.., spiffe, email, username, uri, _] = table.issuers() else {
        unreachable!("there are 13");
    };
    assert_eq!(spiffe.trust_domain(), Some("acme.example"));
    assert!(email.skips_email_verification() && !spiffe.skips_email_verification());
    assert_eq!(email.challenge_claim(), "email");
    assert_eq!(username.challenge_claim(), "sub");
    assert_eq!(username.subject_domain(), Some("acme.example"));
    assert_eq!(uri.subject_domain(), Some("https://acme.example"));
    assert_eq!(uri.audience(), "sigstore");
    assert!(table.issuers().iter().all(|issuer| !issuer.has_wildcard()));
}

/// Lines of a section, and what the refusal must say.
const REFUSED: [(&str, &str); 36] = [
    (
        "preset = 'github'\nallow = [{ owner = 1.5 }]",
        "wanted a text, a whole number, true or",
    ),
    (
        "preset = 'github'\nallow = [{ owner = { a = 1 } }]",
        "wanted a text, a whole number",
    ),
    ("", "missing field `preset`"),
    ("preset = 'githup'", "unknown variant `githup`"),
    ("preset = 'github'\ntrust = 1", "unknown field `trust`"),
    ("preset = 'email'", "number 1 (email): url: missing"),
    (
        "preset = 'email'\nurl = 'id.acme.example'",
        "url: wanted a URI with a scheme",
    ),
    (
        "preset = 'email'\nurl = 'http://id.acme.example'",
        "url: wanted https://",
    ),
    (
        "preset = 'email'\nurl = 'ftp://127.0.0.1'",
        "url: wanted https://",
    ),
    (
        "preset = 'email'\nurl = 'https://a@id.acme.example'",
        "no user before it",
    ),
    (
        "preset = 'email'\nurl = 'https://id.acme.example?x'",
        "without ? and #",
    ),
    (
        "preset = 'email'\nurl = 'https://id.acme.*'",
        "last two labels",
    ),
    (
        "preset = 'email'\nurl = 'https://id.*.example'",
        "last two labels",
    ),
    ("preset = 'email'\nurl = 'https://*'", "last two labels"),
    (
        "preset = 'email'\nurl = 'https://id.acme.example'\naudience = ''",
        "audience: empty",
    ),
    (
        "preset = 'github'\nsubject_domain = 'x'",
        "only for username and uri; take it out",
    ),
    (
        "preset = 'github'\nskip_email_verification = true",
        "only for email; take it out",
    ),
    (
        "preset = 'email'\nurl = 'https://x.example'\nsubject = 'x'",
        "only for template",
    ),
    (
        "preset = 'spiffe'\nurl = 'https://x.example'",
        "trust_domain: \"\"; wanted",
    ),
    (
        "preset = 'spiffe'\nurl = 'https://x.example'\ntrust_domain = 'spiffe://x'",
        "trust_domain",
    ),
    (
        "preset = 'spiffe'\nurl = 'https://x.example/*'\ntrust_domain = 'x.example'",
        "a wildcard would give many issuers the same trust domain",
    ),
    (
        "preset = 'username'\nurl = 'https://x.example'",
        "subject_domain: \"\"; wanted",
    ),
    (
        "preset = 'username'\nurl = 'https://id.acme.example'\nsubject_domain = 'evil.example'",
        "\"evil.example\" is not of \"id.acme.example\"",
    ),
    (
        "preset = 'username'\nurl = 'https://10.0.0.1'\nsubject_domain = '9.9.0.1'",
        "\"9.9.0.1\" is not of \"10.0.0.1\"",
    ),
    (
        "preset = 'uri'\nurl = 'https://id.acme.example'\nsubject_domain = 'acme.example'",
        "wanted scheme and host",
    ),
    (
        "preset = 'uri'\nurl = 'https://id.acme.example'\nsubject_domain = 'http://acme.example'",
        "wanted the issuer's scheme, https",
    ),
    (
        "preset = 'uri'\nurl = 'https://id.acme.example'\nsubject_domain = 'https://acme.example/'",
        "wanted scheme and host",
    ),
    (
        "preset = 'template'\nurl = 'https://x.example'",
        "subject: missing; it is a template",
    ),
    (
        "preset = 'template'\nurl = 'https://x.example'\nsubject = '{{ .a'",
        "subject: \" .a\": not closed",
    ),
    (
        "preset = 'template'\nurl = 'https://x.example'\nsubject = 'a'\nextensions.issuer = 'a'",
        "extensions: issuer: wanted one of github-workflow-trigger, ",
    ),
    (
        "preset = 'template'\nurl = 'https://x.example'\nsubject = 'a'\n\
         extensions.build-trigger = ''",
        "extensions: build-trigger: the template is empty: leave it out",
    ),
    (
        "preset = 'github-enterprise'\nurl = 'https://token.actions.acme.ghe.com'",
        "web_url: missing; where are the pages",
    ),
    (
        "preset = 'gitlab'\nurl = 'https://g.acme.example'\nweb_url = 'https://g.acme.example/'",
        "without a slash at its end",
    ),
    (
        "preset = 'email'\nurl = 'https://x.example'\nallow = [{}]",
        "allow: rule 1: asks for nothing",
    ),
    (
        "preset = 'email'\nurl = 'https://x.example'\nallow = [{ sub = [] }]",
        "allow: rule 1: sub may be any of 0 values",
    ),
    (
        "preset = 'email'\nurl = 'https://x.example'\nallow = [{ email_domain = 'X.example' }]",
        "email_domain is compared in lower case",
    ),
];

#[test]
fn wrong_sections_are_refused_with_what_to_do() {
    for (lines, wanted) in REFUSED {
        let refused = section(lines).expect_err(lines);
        assert!(refused.contains(wanted), "{lines}\n{refused}");
    }
    let twice = "[[issuer]]\npreset = 'email'\nurl = 'https://x.example'\n".repeat(2);
    let refused = production(&twice).unwrap_err();
    assert!(refused.starts_with("[[issuer]] number 2 (https://x.example): url: the same as in"));
    let one = "[[issuer]]\npreset = 'email'\nurl = 'https://x.example'\n";
    let other = "audience = 'other'\nca_file = 'ca.pem'\n";
    let refused = production(&format!("{one}{one}{other}")).unwrap_err();
    assert!(
        refused.contains("ca_file: other than in number 1"),
        "{refused}"
    );
    production(&format!("{one}ca_file = 'ca.pem'\n{one}{other}")).unwrap();
}

/// Rules of a public issuer that let in more than one tenant, or none.
const OPEN: [&str; 22] = [
    "preset = 'github'",
    "preset = 'google'",
    "preset = 'gitlab'",
    "preset = 'buildkite'",
    "preset = 'codefresh'",
    "preset = 'circleci'\nurl = 'https://oidc.circleci.com/org/*'",
    "preset = 'kubernetes'\nurl = 'https://oidc.eks.*.amazonaws.com/id/*'",
    "preset = 'email'\nurl = 'https://accounts.google.com'",
    "preset = 'github-enterprise'\nurl = 'https://token.actions.githubusercontent.com'",
    "preset = 'template'\nurl = 'https://gitlab.com'\nsubject = 'https://x.example/{{.sub}}'",
    "preset = 'github'\nallow = [{ ref = 'refs/heads/main' }]",
    "preset = 'github'\nallow = [{ owner = '*' }]",
    "preset = 'github'\nallow = [{ owner = '**' }]",
    "preset = 'github'\nallow = [{ owner = 'acme*' }]",
    "preset = 'github'\nallow = [{ repository = '*/cairn' }]",
    "preset = 'github'\nallow = [{ repository = 'acme**' }]",
    "preset = 'github'\nallow = [{ sub = 'repo:*' }]",
    "preset = 'github'\nallow = [{ job_workflow_ref = 'acme/ci/.github/workflows/x.yml@main' }]",
    "preset = 'github'\nallow = [{ owner = 'acme' }, { ref = 'refs/heads/main' }]",
    "preset = 'github'\nallow = [{ owner = ['acme', '*'] }]",
    "preset = 'google'\nallow = [{ email = 'you@*' }]",
    "preset = 'kubernetes'\nurl = 'https://oidc.eks.*.amazonaws.com/id/*'\n\
     allow = [{ namespace = 'prod' }]",
];

/// Rules that pin the tenant.
const PINNED: [&str; 14] = [
    "preset = 'github'\nallow = [{ owner = 'acme' }]",
    "preset = 'github'\nallow = [{ repository_owner_id = 678 }]",
    "preset = 'github'\nallow = [{ repository = ['acme/*', 'other/app'] }]",
    "preset = 'github'\nallow = [{ sub = 'repo:acme/*' }]",
    "preset = 'github'\nallow = [{ owner = 'acme', ref = 'refs/heads/*' }]",
    "preset = 'github-enterprise'\nurl = 'https://token.actions.githubusercontent.com/acme'",
    "preset = 'gitlab'\nallow = [{ namespace_path = 'acme/**' }]",
    "preset = 'gitlab'\nallow = [{ owner = 'acme' }]",
    "preset = 'google'\nallow = [{ email = '*@acme.example' }]",
    "preset = 'google'\nallow = [{ email_domain = '*.acme.example' }, { email = 'a@b.co' }]",
    "preset = 'google'\nallow = [{ hd = 'acme.example' }]",
    "preset = 'circleci'\nurl = 'https://oidc.circleci.com/org/*'\nallow = [{ sub = 'org/o1/*' }]",
    "preset = 'kubernetes'\nurl = 'https://container.googleapis.com/v1/projects/*'\n\
     allow = [{ iss = 'https://container.googleapis.com/v1/projects/acme' }]",
    "preset = 'kubernetes'\nurl = 'https://c.example/v1/projects/*/clusters/*'\n\
     allow = [{ iss = 'https://c.example/v1/projects/acme/**' }]",
];

#[test]
fn a_public_issuer_without_rules_that_pin_a_tenant_is_refused() {
    for lines in OPEN {
        let refused = section(lines).expect_err(lines);
        assert!(refused.contains("): allow: "), "{lines}\n{refused}");
        assert!(refused.contains(" every"), "{lines}\n{refused}");
        let dev = table(&format!("[[issuer]]\n{lines}"), Profile::Dev);
        assert!(dev.is_ok(), "{lines}: {dev:?}");
    }
    for lines in PINNED {
        let accepted = section(lines);
        assert!(accepted.is_ok(), "{lines}: {accepted:?}");
    }
}

#[test]
fn plain_http_is_for_this_machine_and_for_trying() {
    for url in ["http://127.0.0.1:8080/dev", "http://localhost/dev"] {
        assert!(
            section(&format!("preset = 'email'\nurl = {url:?}")).is_ok(),
            "{url}"
        );
    }
    let elsewhere = "[[issuer]]\npreset = 'email'\nurl = 'http://id.acme.example'";
    assert!(production(elsewhere).is_err());
    assert!(table(elsewhere, Profile::Dev).is_ok());
}

#[test]
fn exact_issuers_come_before_wildcards() {
    let toml = "
        [[issuer]]
        preset = 'kubernetes'
        url = 'https://c.example/*'
        [[issuer]]
        preset = 'email'
        url = 'https://c.example/people'
        [[issuer]]
        preset = 'email'
        url = 'https://c.example/people'
        audience = 'other'
    ";
    let table = table(toml, Profile::Dev).unwrap();
    let found = |url: &str| -> Vec<(Preset, &str)> {
        let found = table.find(url).into_iter();
        found.map(|one| (one.preset(), one.audience())).collect()
    };
    let people = [(Preset::Email, "sigstore"), (Preset::Email, "other")];
    assert_eq!(found("https://c.example/people"), people);
    assert_eq!(
        found("https://c.example/x"),
        [(Preset::Kubernetes, "sigstore")]
    );
    // The pattern itself is no issuer.
    for none in [
        "https://c.example/*",
        "https://c.example/",
        "https://c.example/x/y",
        "",
    ] {
        assert_eq!(found(none), [], "{none}");
    }
    assert_eq!(
        found(&format!("https://c.example/{}", "x".repeat(10_000))),
        []
    );
}

/// What the rules of one section say to claims: the number of the rule, or the refusal.
fn admit(preset: &str, rules: &str, claims: &Value) -> Result<Option<usize>, Refusal> {
    let toml = format!("[[issuer]]\nurl = 'https://i.example'\n{preset}\nallow = {rules}");
    let table = table(&toml, Profile::Dev).unwrap();
    let claims = Claims::parse(claims.to_string().as_bytes()).unwrap();
    table.issuers()[0].admit(&claims)
}

#[test]
fn rules_let_in_what_fits_all_of_their_claims() {
    let rules = "[{ owner = 'acme', ref = ['refs/heads/main', 'refs/tags/v*'] }, \
                  { repository_id = 7, fork = false }]";
    let token = |owner: &str, git_ref: &str, id: Value, fork: Value| {
        json!({
            "iss": "https://i.example", "repository_owner": owner, "ref": git_ref,
            "repository_id": id, "fork": fork,
        })
    };
    for (claims, wanted) in [
        (
            token("acme", "refs/heads/main", json!("1"), json!(true)),
            Some(1),
        ),
        (
            token("acme", "refs/tags/v1", json!("1"), json!(true)),
            Some(1),
        ),
        (token("acme", "refs/heads/x", json!("1"), json!(true)), None),
        (
            token("Acme", "refs/heads/main", json!("1"), json!(true)),
            None,
        ),
        (
            token("evil", "refs/heads/main", json!("7"), json!(false)),
            Some(2),
        ),
        (
            token("evil", "refs/heads/main", json!(7), json!("false")),
            Some(2),
        ),
        (
            token("evil", "refs/heads/main", json!(7), json!(null)),
            None,
        ),
        (
            token("evil", "refs/heads/main", json!("70"), json!(false)),
            None,
        ),
        (json!({"iss": "https://i.example"}), None),
    ] {
        let found = admit("preset = 'github'", rules, &claims);
        assert_eq!(found.ok().flatten(), wanted, "{claims}");
    }
    assert_eq!(admit("preset = 'github'", "[]", &json!({})), Ok(None));
}

#[test]
fn a_refusal_names_the_rules_to_the_operator_alone() {
    let rules = "[{ owner = 'acme', ref = 'refs/heads/main' }, { owner = ['a', 'b'] }]";
    let claims = json!({"iss": "https://i.example", "repository_owner": "evil"});
    let refused = admit("preset = 'github'", rules, &claims).unwrap_err();
    assert_eq!(refused.code(), "not_allowed");
    assert_eq!(
        refused.to_string(),
        "https://i.example: no allow rule lets it in: rule 1: owner is \"evil\", wanted \
         \"acme\"; rule 2: owner is \"evil\", wanted \"a\" or \"b\"",
    );
    assert_eq!(
        refused.caller_text(),
        "this identity may not get certificates here"
    );
    let claims = json!({"iss": "https://i.example", "repository_owner": "acme"});
    let refused = admit("preset = 'github'", rules, &claims).unwrap_err();
    assert!(
        refused.to_string().contains("rule 1: ref is missing"),
        "{refused}"
    );
}

#[test]
fn lists_fit_by_one_of_their_items() {
    let rules = "[{ groups = 'release' }]";
    let with = |groups: Value| json!({"iss": "https://i.example", "groups": groups});
    let admitted = |groups| admit("preset = 'email'", rules, &with(groups)).is_ok();
    assert!(admitted(json!(["dev", "release"])));
    assert!(admitted(json!("release")));
    for other in [
        json!(["dev"]),
        json!([["release"]]),
        json!({"release": true}),
        json!([]),
    ] {
        assert!(!admitted(other));
    }
}

#[test]
fn rules_read_only_verified_addresses() {
    let rules = "[{ email_domain = 'acme.example' }, { email = 'you@other.example' }]";
    let person = |email: &str, verified: Value| {
        let issuer = "https://i.example";
        json!({"iss": issuer, "email": email, "email_verified": verified})
    };
    let named = "preset = 'username'\nsubject_domain = 'i.example'";
    for preset in ["preset = 'email'", named] {
        let admitted = |claims: &Value| admit(preset, rules, claims).is_ok();
        assert!(admitted(&person("a@acme.example", json!(true))));
        assert!(admitted(&person("a@ACME.example", json!(true))));
        assert!(admitted(&person("you@other.example", json!(true))));
        assert!(!admitted(&person("a@acme.example", json!(false))));
        assert!(!admitted(&person("a@acme.example", Value::Null)));
        assert!(!admitted(&person(
            "a@evil.example@acme.example",
            json!(true)
        )));
        assert!(!admitted(&person(
            "a@acme.example.evil.example",
            json!(true)
        )));
        assert!(!admitted(&person("a@sub.acme.example", json!(true))));
    }
    let unverified = "preset = 'email'\nskip_email_verification = true";
    assert!(admit(unverified, rules, &person("a@acme.example", Value::Null)).is_ok());
}

#[test]
fn rules_of_kubernetes_have_short_names() {
    let rules = "[{ namespace = 'prod', service_account = 'sign*' }]";
    let workload = |namespace: &str| {
        let own = json!({"namespace": namespace, "serviceaccount": {"name": "signer"}});
        json!({"iss": "https://i.example", "kubernetes.io": own, "namespace": "prod"})
    };
    assert!(admit("preset = 'kubernetes'", rules, &workload("prod")).is_ok());
    assert!(admit("preset = 'kubernetes'", rules, &workload("dev")).is_err());
    let pointer = "[{ '/kubernetes.io/serviceaccount/name' = 'signer' }]";
    assert!(admit("preset = 'kubernetes'", pointer, &workload("dev")).is_ok());
}
