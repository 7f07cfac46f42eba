//! What a token of each preset says about an identity.
//!
//! The identity is written as people write it, and the rest is made up so that every claim that
//! the preset's certificates are made from is there.

use ca::Preset;
use serde_json::{Map, Value, json};

use super::DOMAIN;

/// Bytes of an identity; names in certificates are no longer.
const IDENTITY_LEN_BYTES_MAX: usize = 1024;

/// An identity that no token of the preset could state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no identity of the preset {preset}; write it like {example}")]
pub(crate) struct IdentityError {
    pub(crate) found: String,
    pub(crate) preset: &'static str,
    pub(crate) example: &'static str,
}

/// An identity of the preset, as an example.
pub(crate) fn example(preset: Preset) -> &'static str {
    match preset {
        Preset::Github | Preset::GithubEnterprise => {
            "acme/app/.github/workflows/release.yml@refs/heads/main"
        }
        Preset::Gitlab => "acme/app",
        Preset::Kubernetes => "namespace/service-account",
        Preset::Buildkite | Preset::Codefresh => "acme/pipeline",
        Preset::Circleci => "project-id/pipeline-definition-id",
        Preset::Spiffe => "spiffe://dev.example/workload",
        Preset::Username => "ada",
        Preset::Uri => "https://dev.example/ada",
        Preset::Google | Preset::Email | Preset::Template => "you@example.com",
    }
}

/// The claims of `identity`, without those that every token has.
pub(super) fn identity_claims(
    preset: Preset,
    identity: &str,
) -> Result<Map<String, Value>, IdentityError> {
    let claims = match preset {
        Preset::Google | Preset::Email | Preset::Template => email(identity),
        Preset::Username => (!identity.contains('!')).then(|| json!({"sub": identity})),
        Preset::Uri => below(identity, &format!("https://{DOMAIN}")),
        Preset::Spiffe => below(identity, &format!("spiffe://{DOMAIN}")),
        Preset::Kubernetes => pair(identity).map(|(space, account)| kubernetes(space, account)),
        Preset::Buildkite => pair(identity).map(|(owner, name)| buildkite(owner, name)),
        Preset::Codefresh => pair(identity).map(|(owner, name)| codefresh(owner, name)),
        Preset::Circleci => pair(identity).map(|(project, id)| circleci(project, id)),
        Preset::Gitlab => pair(identity).map(|(owner, name)| gitlab(owner, name)),
        Preset::Github | Preset::GithubEnterprise => github(identity),
    };
    let fits = (1..=IDENTITY_LEN_BYTES_MAX).contains(&identity.len());
    match claims {
        Some(Value::Object(claims)) if fits => Ok(claims),
        _ => Err(IdentityError {
            found: identity.chars().take(80).collect(),
            preset: preset.name(),
            example: example(preset),
        }),
    }
}

fn email(address: &str) -> Option<Value> {
    let (local, domain) = address.rsplit_once('@')?;
    let is_address = !local.is_empty() && !domain.is_empty() && !address.contains(' ');
    is_address.then(|| json!({"sub": address, "email": address, "email_verified": true}))
}

/// A subject at `base` or below it.
fn below(identity: &str, base: &str) -> Option<Value> {
    let rest = identity.strip_prefix(base)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| json!({"sub": identity}))
}

/// `one/other`.
fn pair(identity: &str) -> Option<(&str, &str)> {
    let (one, other) = identity.split_once('/')?;
    let is_pair = !one.is_empty() && !other.is_empty() && !other.contains('/');
    is_pair.then_some((one, other))
}

/// The commit that everything here was built from: nobody's.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A workflow: `owner/repository/path@ref`.
fn github(workflow_ref: &str) -> Option<Value> {
    let (path, reference) = workflow_ref.split_once('@')?;
    let mut parts = path.splitn(3, '/');
    let (owner, name, _file) = (parts.next()?, parts.next()?, parts.next()?);
    let repository = format!("{owner}/{name}");
    let is_whole = !owner.is_empty() && !name.is_empty() && reference.starts_with("refs/");
    is_whole.then(|| {
        json!({
            "sub": format!("repo:{repository}:ref:{reference}"),
            "job_workflow_ref": workflow_ref, "job_workflow_sha": COMMIT,
            "workflow_ref": workflow_ref, "workflow_sha": COMMIT, "workflow": "Release",
            "repository": repository, "repository_id": "1", "repository_visibility": "private",
            "repository_owner": owner, "repository_owner_id": "2",
            "ref": reference, "sha": COMMIT, "event_name": "push",
            "runner_environment": "github-hosted", "run_id": "3", "run_attempt": "1",
        })
    })
}

fn gitlab(namespace: &str, name: &str) -> Value {
    let path = format!("{namespace}/{name}");
    json!({
        "sub": format!("project_path:{path}:ref_type:branch:ref:main"),
        "namespace_id": "1", "namespace_path": namespace, "project_id": "2", "project_path": path,
        "project_visibility": "private", "pipeline_id": "3", "pipeline_source": "push",
        "job_id": "4", "ref": "main", "ref_type": "branch", "runner_id": 5,
        "runner_environment": "gitlab-hosted", "sha": COMMIT, "ci_config_sha": COMMIT,
        "ci_config_ref_uri": format!("gitlab.com/{path}//.gitlab-ci.yml@refs/heads/main"),
    })
}

fn kubernetes(namespace: &str, account: &str) -> Value {
    json!({
        "sub": format!("system:serviceaccount:{namespace}:{account}"),
        "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": account, "uid": "1"}},
    })
}

fn buildkite(organization: &str, pipeline: &str) -> Value {
    json!({
        "sub": format!("organization:{organization}:pipeline:{pipeline}:ref:refs/heads/main"),
        "organization_slug": organization, "pipeline_slug": pipeline, "build_number": 1,
        "build_commit": COMMIT, "build_source": "webhook", "job_id": "2",
        "runner_environment": "buildkite-hosted",
    })
}

fn codefresh(account: &str, pipeline: &str) -> Value {
    json!({
        "sub": format!("account:1:pipeline:2:scm_repo_url:https://github.com/{account}/{pipeline}"),
        "account_id": "1", "account_name": account, "pipeline_id": "2",
        "pipeline_name": pipeline, "workflow_id": "3",
    })
}

fn circleci(project: &str, definition: &str) -> Value {
    json!({
        "sub": format!("org/1/project/{project}/user/2"),
        "oidc.circleci.com/project-id": project,
        "oidc.circleci.com/pipeline-definition-id": definition,
        "oidc.circleci.com/pipeline-id": "3", "oidc.circleci.com/workflow-id": "4",
        "oidc.circleci.com/job-id": "5", "oidc.circleci.com/ssh-rerun": false,
        "oidc.circleci.com/vcs-origin": "github.com/acme/app",
        "oidc.circleci.com/vcs-ref": "refs/heads/main",
    })
}
