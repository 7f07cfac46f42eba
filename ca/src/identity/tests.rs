//! For each source: claims as its issuer sends them, and the name and extensions they become.

use proptest::prelude::*;
use serde_json::{Value, json};
use sigstore::ExtensionField as Field;

use super::*;
use crate::issuers::{IssuerSection, IssuerTable, Profile};

/// What a section makes of claims.
fn principal_of(section: &str, claims: &Value) -> Result<Principal, Refusal> {
    let section: IssuerSection = toml::from_str(section).unwrap();
    let table = IssuerTable::new(&[section], Profile::Dev).unwrap();
    let claims = Claims::parse(claims.to_string().as_bytes()).unwrap();
    table.issuers()[0].principal(&claims)
}

/// Checks a principal: its name, and every extension beside issuer and subject of the token.
fn check(section: &str, claims: &Value, san: &SubjectAltName, wanted: &[(Field, &str)]) {
    let found = principal_of(section, claims).unwrap();
    assert_eq!(&found.san, san);
    assert!(found.san.encode().is_ok(), "a certificate can have it");
    let mut all = wanted.to_vec();
    all.push((Field::Issuer, claims["iss"].as_str().unwrap()));
    all.push((Field::TokenSubject, claims["sub"].as_str().unwrap()));
    all.sort_unstable();
    let extensions: Vec<(Field, &str)> = found.extensions.iter().collect();
    assert_eq!(extensions, all);
}

fn uri(text: &str) -> SubjectAltName {
    SubjectAltName::Uri(text.to_owned())
}

fn code(section: &str, claims: &Value) -> &'static str {
    principal_of(section, claims).map_or_else(|refusal| refusal.code(), |_| "ok")
}

/// Claims with one changed; `null` takes it away.
fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    claims
}

fn github() -> Value {
    json!({
        "iss": "https://token.actions.githubusercontent.com", "aud": "sigstore",
        "sub": "repo:acme/cairn:ref:refs/heads/main",
        "job_workflow_ref": "acme/ci/.github/workflows/release.yml@refs/tags/v2",
        "job_workflow_sha": "c1", "sha": "a0", "event_name": "push", "repository": "acme/cairn",
        "workflow": "Release \u{fc}ber all", "ref": "refs/heads/main",
        "runner_environment": "github-hosted", "repository_id": "12345",
        "repository_owner": "acme", "repository_owner_id": "678",
        "repository_visibility": "private",
        "workflow_ref": "acme/cairn/.github/workflows/main.yml@refs/heads/main",
        "workflow_sha": "b2", "run_id": "42", "run_attempt": "1",
    })
}

/// All of the extensions of a token of `github`, the server's pages at `url`.
fn of_github(url: &str) -> Vec<(Field, String)> {
    [
        (Field::GithubWorkflowTrigger, "push"),
        (Field::GithubWorkflowSha, "a0"),
        (Field::GithubWorkflowName, "Release \u{fc}ber all"),
        (Field::GithubWorkflowRepository, "acme/cairn"),
        (Field::GithubWorkflowRef, "refs/heads/main"),
        (
            Field::BuildSignerUri,
            "URL/acme/ci/.github/workflows/release.yml@refs/tags/v2",
        ),
        (Field::BuildSignerDigest, "c1"),
        (Field::RunnerEnvironment, "github-hosted"),
        (Field::SourceRepositoryUri, "URL/acme/cairn"),
        (Field::SourceRepositoryDigest, "a0"),
        (Field::SourceRepositoryRef, "refs/heads/main"),
        (Field::SourceRepositoryIdentifier, "12345"),
        (Field::SourceRepositoryOwnerUri, "URL/acme"),
        (Field::SourceRepositoryOwnerIdentifier, "678"),
        (
            Field::BuildConfigUri,
            "URL/acme/cairn/.github/workflows/main.yml@refs/heads/main",
        ),
        (Field::BuildConfigDigest, "b2"),
        (Field::BuildTrigger, "push"),
        (
            Field::RunInvocationUri,
            "URL/acme/cairn/actions/runs/42/attempts/1",
        ),
        (Field::SourceRepositoryVisibilityAtSigning, "private"),
    ]
    .map(|(field, text)| (field, text.replace("URL", url)))
    .to_vec()
}

fn borrowed(fields: &[(Field, String)]) -> Vec<(Field, &str)> {
    fields
        .iter()
        .map(|(field, text)| (*field, text.as_str()))
        .collect()
}

#[test]
fn github_actions() {
    let fields = of_github("https://github.com");
    let san = uri("https://github.com/acme/ci/.github/workflows/release.yml@refs/tags/v2");
    check("preset = 'github'", &github(), &san, &borrowed(&fields));
    let deployed = with(&github(), "environment", json!("production"));
    let mut fields = borrowed(&fields);
    fields.push((Field::DeploymentEnvironment, "production"));
    check("preset = 'github'", &deployed, &san, &fields);
    let found = principal_of("preset = 'github'", &github()).unwrap();
    assert_eq!(found.proof_subject, "repo:acme/cairn:ref:refs/heads/main");
}

#[test]
fn every_claim_of_github_must_be_there() {
    let all = github();
    for name in all.as_object().unwrap().keys() {
        if name == "aud" || name == "iss" {
            continue;
        }
        let lacking = with(&all, name, Value::Null);
        assert_eq!(
            code("preset = 'github'", &lacking),
            "claim_missing",
            "{name}"
        );
    }
    // Nobody is a certificate for "https://github.com/".
    let empty = with(&all, "job_workflow_ref", json!(""));
    assert_eq!(code("preset = 'github'", &empty), "claim_missing");
    let listed = with(&all, "job_workflow_ref", json!(["a"]));
    assert_eq!(code("preset = 'github'", &listed), "claim_invalid");
}

#[test]
fn github_enterprise() {
    let server = "preset = 'github-enterprise'\nurl = 'https://git.acme.example/_services/token'";
    let claims = with(
        &github(),
        "iss",
        json!("https://git.acme.example/_services/token"),
    );
    let fields = of_github("https://git.acme.example");
    let san = uri("https://git.acme.example/acme/ci/.github/workflows/release.yml@refs/tags/v2");
    check(server, &claims, &san, &borrowed(&fields));
    let given = "preset = 'github-enterprise'\nurl = 'https://token.actions.acme.ghe.com'\n\
                 web_url = 'https://acme.ghe.com'";
    let claims = with(
        &github(),
        "iss",
        json!("https://token.actions.acme.ghe.com"),
    );
    let fields = of_github("https://acme.ghe.com");
    let san = uri("https://acme.ghe.com/acme/ci/.github/workflows/release.yml@refs/tags/v2");
    check(given, &claims, &san, &borrowed(&fields));
}

/// Every extension of a certificate that Sigstore's public CA gave to a workflow (the bundle
/// `dsse-invalid-sig_fail` of sigstore-conformance, made in December 2024).
const REAL: [(Field, &str); 21] = [
    (Field::GithubWorkflowTrigger, "workflow_dispatch"),
    (
        Field::GithubWorkflowSha,
        "82a3bfe6dd50fe9c71d6315eae66da15307856cf",
    ),
    (Field::GithubWorkflowName, "Extremely dangerous OIDC beacon"),
    (Field::GithubWorkflowRepository, REPOSITORY),
    (Field::GithubWorkflowRef, "refs/heads/main"),
    (Field::Issuer, "https://token.actions.githubusercontent.com"),
    (Field::BuildSignerUri, REAL_WORKFLOW),
    (
        Field::BuildSignerDigest,
        "82a3bfe6dd50fe9c71d6315eae66da15307856cf",
    ),
    (Field::RunnerEnvironment, "github-hosted"),
    (
        Field::SourceRepositoryUri,
        "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon",
    ),
    (
        Field::SourceRepositoryDigest,
        "82a3bfe6dd50fe9c71d6315eae66da15307856cf",
    ),
    (Field::SourceRepositoryRef, "refs/heads/main"),
    (Field::SourceRepositoryIdentifier, "632596897"),
    (
        Field::SourceRepositoryOwnerUri,
        "https://github.com/sigstore-conformance",
    ),
    (Field::SourceRepositoryOwnerIdentifier, "131804563"),
    (Field::BuildConfigUri, REAL_WORKFLOW),
    (
        Field::BuildConfigDigest,
        "82a3bfe6dd50fe9c71d6315eae66da15307856cf",
    ),
    (Field::BuildTrigger, "workflow_dispatch"),
    (
        Field::RunInvocationUri,
        "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/\
         actions/runs/12359147651/attempts/1",
    ),
    (Field::SourceRepositoryVisibilityAtSigning, "public"),
    // Not in that certificate: it is from before this field.
    (Field::TokenSubject, "repo:x"),
];

const REPOSITORY: &str = "sigstore-conformance/extremely-dangerous-public-oidc-beacon";
const REAL_WORKFLOW: &str = "https://github.com/sigstore-conformance/\
    extremely-dangerous-public-oidc-beacon/.github/workflows/\
    extremely-dangerous-oidc-beacon.yml@refs/heads/main";

#[test]
fn a_workflow_gets_what_the_public_authority_gave_it() {
    let workflow = REAL_WORKFLOW.strip_prefix("https://github.com/").unwrap();
    let sha = "82a3bfe6dd50fe9c71d6315eae66da15307856cf";
    let claims = json!({
        "iss": "https://token.actions.githubusercontent.com", "sub": "repo:x",
        "job_workflow_ref": workflow, "job_workflow_sha": sha, "sha": sha,
        "event_name": "workflow_dispatch", "repository": REPOSITORY,
        "workflow": "Extremely dangerous OIDC beacon", "ref": "refs/heads/main",
        "runner_environment": "github-hosted", "repository_id": "632596897",
        "repository_owner": "sigstore-conformance", "repository_owner_id": "131804563",
        "repository_visibility": "public", "workflow_ref": workflow, "workflow_sha": sha,
        "run_id": "12359147651", "run_attempt": "1",
    });
    let found = principal_of("preset = 'github'", &claims).unwrap();
    assert_eq!(found.san, uri(REAL_WORKFLOW));
    assert_eq!(found.extensions.iter().collect::<Vec<_>>(), REAL);
}

fn gitlab() -> Value {
    json!({
        "iss": "https://gitlab.com", "sub": "project_path:my-group/my-project:ref_type:branch",
        "namespace_id": "72", "namespace_path": "my-group", "project_id": "20",
        "project_path": "my-group/my-project", "pipeline_id": "574", "pipeline_source": "push",
        "job_id": "302", "ref": "main", "ref_type": "branch", "runner_id": 1,
        "runner_environment": "gitlab-hosted", "sha": "714a", "project_visibility": "public",
        "ci_config_ref_uri": "gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main",
        "ci_config_sha": "714b",
    })
}

fn of_gitlab<'a>(config: &'a str, urls: [&'a str; 3], git_ref: &'a str) -> Vec<(Field, &'a str)> {
    let [project, namespace, job] = urls;
    vec![
        (Field::BuildSignerUri, config),
        (Field::BuildSignerDigest, "714b"),
        (Field::RunnerEnvironment, "gitlab-hosted"),
        (Field::SourceRepositoryUri, project),
        (Field::SourceRepositoryDigest, "714a"),
        (Field::SourceRepositoryRef, git_ref),
        (Field::SourceRepositoryIdentifier, "20"),
        (Field::SourceRepositoryOwnerUri, namespace),
        (Field::SourceRepositoryOwnerIdentifier, "72"),
        (Field::BuildConfigUri, config),
        (Field::BuildConfigDigest, "714b"),
        (Field::BuildTrigger, "push"),
        (Field::RunInvocationUri, job),
        (Field::SourceRepositoryVisibilityAtSigning, "public"),
    ]
}

#[test]
fn gitlab_ci() {
    let config = "https://gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main";
    let urls = [
        "https://gitlab.com/my-group/my-project",
        "https://gitlab.com/my-group",
        "https://gitlab.com/my-group/my-project/-/jobs/302",
    ];
    let branch = of_gitlab(config, urls, "refs/heads/main");
    check("preset = 'gitlab'", &gitlab(), &uri(config), &branch);
    let tagged = with(&gitlab(), "ref_type", json!("tag"));
    let tag = of_gitlab(config, urls, "refs/tags/main");
    check("preset = 'gitlab'", &tagged, &uri(config), &tag);
    for name in ["ci_config_ref_uri", "ref_type", "job_id", "ci_config_sha"] {
        let lacking = with(&gitlab(), name, Value::Null);
        assert_eq!(
            code("preset = 'gitlab'", &lacking),
            "claim_missing",
            "{name}"
        );
    }
}

#[test]
fn gitlab_of_ones_own() {
    let section = "preset = 'gitlab'\nurl = 'https://git.acme.example'";
    let config = "https://git.acme.example/g/p//.gitlab-ci.yml@refs/heads/main";
    let urls = [
        "https://git.acme.example/my-group/my-project",
        "https://git.acme.example/my-group",
        "https://git.acme.example/my-group/my-project/-/jobs/302",
    ];
    let claims = with(&gitlab(), "iss", json!("https://git.acme.example"));
    let claims = with(
        &claims,
        "ci_config_ref_uri",
        json!(config.replace("https://", "")),
    );
    check(
        section,
        &claims,
        &uri(config),
        &of_gitlab(config, urls, "refs/heads/main"),
    );
}

#[test]
fn buildkite() {
    let claims = json!({
        "iss": "https://agent.buildkite.com", "sub": "organization:acme:pipeline:app:ref:x",
        "organization_slug": "acme", "pipeline_slug": "app", "build_number": 1,
        "job_id": "0184990a", "build_commit": "9f3182", "build_source": "webhook",
        "runner_environment": "self-hosted",
    });
    let wanted = [
        (Field::RunnerEnvironment, "self-hosted"),
        (Field::SourceRepositoryDigest, "9f3182"),
        (Field::BuildTrigger, "webhook"),
        (
            Field::RunInvocationUri,
            "https://buildkite.com/acme/app/builds/1#0184990a",
        ),
    ];
    check(
        "preset = 'buildkite'",
        &claims,
        &uri("https://buildkite.com/acme/app"),
        &wanted,
    );
    let lacking = with(&claims, "organization_slug", Value::Null);
    assert_eq!(code("preset = 'buildkite'", &lacking), "claim_missing");
}

#[test]
fn codefresh() {
    let claims = json!({
        "iss": "https://oidc.codefresh.io", "sub": "account:a1:pipeline:p1", "account_id": "a1",
        "account_name": "acme", "pipeline_id": "p1", "pipeline_name": "oidc/get token",
        "workflow_id": "w1",
    });
    let wanted = [
        (Field::BuildSignerUri, "https://g.codefresh.io/build/w1"),
        (
            Field::BuildConfigUri,
            "https://g.codefresh.io/api/pipelines/p1",
        ),
        (Field::RunInvocationUri, "https://g.codefresh.io/build/w1"),
    ];
    let san = uri("https://g.codefresh.io/acme/oidc/get%20token:a1/p1");
    check("preset = 'codefresh'", &claims, &san, &wanted);

    let mut own = claims;
    for (name, value) in [
        ("platform_url", "https://cf.acme.example"),
        ("scm_repo_url", "https://github.com/acme/app"),
        ("scm_ref", "main"),
        ("runner_environment", "hybrid"),
    ] {
        own = with(&own, name, json!(value));
    }
    let wanted = [
        (Field::BuildSignerUri, "https://cf.acme.example/build/w1"),
        (Field::RunnerEnvironment, "hybrid"),
        (Field::SourceRepositoryUri, "https://github.com/acme/app"),
        (Field::SourceRepositoryRef, "main"),
        (
            Field::BuildConfigUri,
            "https://cf.acme.example/api/pipelines/p1",
        ),
        (Field::RunInvocationUri, "https://cf.acme.example/build/w1"),
    ];
    let san = uri("https://cf.acme.example/acme/oidc/get%20token:a1/p1");
    check("preset = 'codefresh'", &own, &san, &wanted);
}

#[test]
fn circleci() {
    let section = "preset = 'circleci'\nurl = 'https://oidc.circleci.com/org/o1'";
    let claims = json!({
        "iss": "https://oidc.circleci.com/org/o1", "sub": "org/o1/project/p1/user/u1",
        "oidc.circleci.com/project-id": "p1", "oidc.circleci.com/pipeline-definition-id": "d1",
        "oidc.circleci.com/pipeline-id": "i1", "oidc.circleci.com/workflow-id": "w1",
        "oidc.circleci.com/job-id": "j1", "oidc.circleci.com/ssh-rerun": false,
        "oidc.circleci.com/vcs-origin": "github.com/acme/app",
        "oidc.circleci.com/vcs-ref": "refs/heads/main",
    });
    let definition = "https://circleci.com/api/v2/projects/p1/pipeline-definitions/d1";
    let mut wanted = [
        (Field::BuildSignerUri, definition),
        (Field::RunnerEnvironment, "\"\""),
        (Field::SourceRepositoryUri, "github.com/acme/app"),
        (Field::SourceRepositoryRef, "refs/heads/main"),
        (
            Field::BuildConfigUri,
            "https://circleci.com/api/v2/pipeline/i1/config",
        ),
        (
            Field::RunInvocationUri,
            "https://app.circleci.com//workflow/w1/job/j1",
        ),
    ];
    check(section, &claims, &uri(definition), &wanted);
    let rerun = with(&claims, "oidc.circleci.com/ssh-rerun", json!(true));
    wanted[1].1 = "ssh-rerun";
    check(section, &rerun, &uri(definition), &wanted);
    // Without a project, all would have one subject.
    let lacking = with(&claims, "oidc.circleci.com/project-id", Value::Null);
    assert_eq!(code(section, &lacking), "claim_missing");
}

#[test]
fn kubernetes_service_accounts() {
    let section = "preset = 'kubernetes'\nurl = 'https://kubernetes.default.svc'";
    let names = |namespace: Value, account: Value| {
        let own = json!({"namespace": namespace, "serviceaccount": {"name": account, "uid": "u"}});
        json!({
            "iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:prod:signer",
            "kubernetes.io": own,
        })
    };
    let right = names(json!("prod"), json!("signer"));
    let san = uri("https://kubernetes.io/namespaces/prod/serviceaccounts/signer");
    check(section, &right, &san, &[]);
    for (namespace, account, wanted) in [
        (json!("prod"), Value::Null, "claim_invalid"),
        (json!(""), json!("signer"), "claim_invalid"),
        (
            json!("prod/serviceaccounts/admin#"),
            json!("x"),
            "claim_invalid",
        ),
        (json!("prod"), json!("../admin"), "claim_invalid"),
        (json!("PROD"), json!("signer"), "claim_invalid"),
    ] {
        assert_eq!(
            code(section, &names(namespace.clone(), account)),
            wanted,
            "{namespace}"
        );
    }
    let lacking = with(&right, "kubernetes.io", Value::Null);
    assert_eq!(code(section, &lacking), "claim_missing");
}

#[test]
fn people_by_their_address() {
    let person = |email: &str| {
        json!({
            "iss": "https://accounts.google.com", "sub": "1234", "email": email,
            "email_verified": true,
        })
    };
    let section = "preset = 'google'";
    for address in [
        "you@example.com",
        "You.O'Neil+sign@Mail.Example.com",
        "a@b.co",
    ] {
        let san = SubjectAltName::Email(address.to_owned());
        check(section, &person(address), &san, &[]);
        let found = principal_of(section, &person(address)).unwrap();
        assert_eq!(found.proof_subjects(), [address, "1234"]);
    }
    let long = format!("{}@example.com", "a".repeat(65));
    for bad in [
        "",
        "you",
        "@example.com",
        "you@",
        "you@localhost",
        "you@example..com",
        "a..b@c.de",
        ".a@b.co",
        "a b@c.de",
        "a@b@c.de",
        "you@-x.de",
        "you@x_y.de",
        "y\u{f6}u@example.com",
        "you@ex\u{e4}mple.com",
        "you@example.com\n",
        "\"a b\"@c.de",
        long.as_str(),
    ] {
        assert_eq!(code(section, &person(bad)), "claim_invalid", "{bad}");
    }
    let lacking = with(&person("a@b.co"), "email", Value::Null);
    assert_eq!(code(section, &lacking), "claim_missing");
    let lacking = with(&person("a@b.co"), "sub", Value::Null);
    assert_eq!(code(section, &lacking), "claim_missing");
}

#[test]
fn addresses_that_another_vouches_for() {
    let section = "preset = 'email'\nurl = 'https://dex.example'\n\
                   issuer_claim = '/federated_claims/connector_id'";
    let claims = json!({
        "iss": "https://dex.example", "sub": "x", "email": "you@example.com",
        "email_verified": true,
        "federated_claims": {"connector_id": "https://github.com/login/oauth"},
    });
    let found = principal_of(section, &claims).unwrap();
    let issuer = found.extensions.get(Field::Issuer);
    assert_eq!(issuer, Some("https://github.com/login/oauth"));
    for bad in [
        json!({}),
        json!({"connector_id": ""}),
        json!({"connector_id": 1}),
    ] {
        let refused = code(section, &with(&claims, "federated_claims", bad));
        assert!(["claim_missing", "claim_invalid"].contains(&refused));
    }
    let section = "preset = 'email'\nurl = 'https://dex.example'\nskip_email_verification = true";
    assert_eq!(
        code(section, &with(&claims, "email_verified", Value::Null)),
        "ok"
    );
}

#[test]
fn user_names() {
    let section = "preset = 'username'\nurl = 'https://id.acme.example'\n\
                   subject_domain = 'acme.example'";
    let user = |name: &str| json!({"iss": "https://id.acme.example", "sub": name});
    let san = SubjectAltName::OtherName("foo!acme.example".to_owned());
    check(section, &user("foo"), &san, &[]);
    let found = principal_of(section, &user("foo")).unwrap();
    assert_eq!(found.proof_subjects(), ["foo"]);
    let with_address = with(&user("foo"), "email", json!("foo@acme.example"));
    let found = principal_of(section, &with_address).unwrap();
    assert_eq!(found.proof_subjects(), ["foo", "foo@acme.example"]);
    for bad in ["", "a!b", "you@example.com", "a\nb"] {
        assert_eq!(code(section, &user(bad)), "claim_invalid", "{bad}");
    }
}

#[test]
fn subjects_that_are_uris() {
    let section = "preset = 'uri'\nurl = 'https://id.acme.example'\n\
                   subject_domain = 'https://acme.example'";
    let subject = |text: &str| json!({"iss": "https://id.acme.example", "sub": text});
    let san = uri("https://acme.example/users/1");
    check(section, &subject("https://acme.example/users/1"), &san, &[]);
    for bad in [
        "https://acme.example.evil.example/users/1",
        "https://acme.example@evil.example/users/1",
        "https://acme.example:444/users/1",
        "http://acme.example/users/1",
        "acme.example/users/1",
        "",
    ] {
        assert_eq!(code(section, &subject(bad)), "claim_invalid", "{bad}");
    }
}

#[test]
fn spiffe_workloads() {
    let section = "preset = 'spiffe'\nurl = 'https://spire.acme.example'\n\
                   trust_domain = 'acme.example'";
    let workload = |id: &str| json!({"iss": "https://spire.acme.example", "sub": id});
    for id in [
        "spiffe://acme.example/ns/prod/sa/signer",
        "spiffe://acme.example",
    ] {
        check(section, &workload(id), &uri(id), &[]);
    }
    let long = format!("spiffe://acme.example/{}", "x".repeat(2048));
    for bad in [
        "spiffe://acme.example.evil.example/x",
        "spiffe://evil.example/acme.example",
        "spiffe://acme.example/",
        "spiffe://acme.example/a//b",
        "spiffe://acme.example/a/../b",
        "spiffe://acme.example/a/.",
        "spiffe://acme.example/a?b",
        "spiffe://acme.example/a%20b",
        "spiffe://user@acme.example/a",
        "spiffe://acme.example:80/a",
        "SPIFFE://acme.example/a",
        "https://acme.example/a",
        long.as_str(),
    ] {
        assert_eq!(code(section, &workload(bad)), "claim_invalid", "{bad}");
    }
}

#[test]
fn anything_else_by_template() {
    let section = r#"
        preset = "template"
        url = "https://ci.acme.example"
        subject = "{{ .url }}/{{ .project }}"
        defaults = { url = "https://ci.acme.example", stage = "" }
        [extensions]
        build-trigger = "event"
        deployment-environment = "stage"
        source-repository-uri = "{{ .url }}/r/{{ index . \"x.example/id\" }}"
    "#;
    let claims = json!({
        "iss": "https://ci.acme.example", "sub": "s", "project": "app", "event": true,
        "x.example/id": 7,
    });
    let wanted = [
        (Field::SourceRepositoryUri, "https://ci.acme.example/r/7"),
        (Field::BuildTrigger, "true"),
    ];
    check(
        section,
        &claims,
        &uri("https://ci.acme.example/app"),
        &wanted,
    );
    assert_eq!(
        code(section, &with(&claims, "event", Value::Null)),
        "claim_missing"
    );
    let other_host = with(&claims, "url", json!("javascript"));
    assert_eq!(code(section, &other_host), "claim_invalid");
}

#[test]
fn presets_have_one_name() {
    for preset in Preset::ALL {
        assert_eq!(Preset::from_name(preset.name()), Some(preset));
        let quoted = json!(preset.name());
        assert_eq!(serde_json::from_value::<Preset>(quoted).unwrap(), preset);
    }
    assert_eq!(Preset::from_name("GitHub"), None);
}

proptest! {
    /// Whatever a claim says, the subject stays on the CI system's host.
    #[test]
    fn no_claim_moves_a_subject_to_another_host(text in "\\PC{1,60}") {
        let claims = with(&github(), "job_workflow_ref", json!(text));
        if let Ok(principal) = principal_of("preset = 'github'", &claims) {
            prop_assert!(principal.san.as_str().starts_with("https://github.com/"));
            prop_assert!(principal.san.encode().is_ok());
        }
    }

    #[test]
    fn an_accepted_address_is_one_a_certificate_can_have(text in "[a-z.@!\"\\- ]{0,20}") {
        if email::is_address(&text) {
            prop_assert!(SubjectAltName::Email(text).encode().is_ok());
        }
    }
}
