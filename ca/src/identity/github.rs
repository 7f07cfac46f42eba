//! GitHub Actions, on github.com and on a GitHub Enterprise server.
//!
//! The subject is the workflow that runs (a reusable one if the job uses one), at its ref.

use sigstore::cert::extensions::ExtensionField as Field;

use super::templates::BuiltIn;

pub(super) const TEMPLATES: BuiltIn = BuiltIn {
    subject: "{{ .url }}/{{ .job_workflow_ref }}",
    extensions: &[
        (Field::GithubWorkflowTrigger, "event_name"),
        (Field::GithubWorkflowSha, "sha"),
        (Field::GithubWorkflowName, "workflow"),
        (Field::GithubWorkflowRepository, "repository"),
        (Field::GithubWorkflowRef, "ref"),
        (Field::BuildSignerUri, "{{ .url }}/{{ .job_workflow_ref }}"),
        (Field::BuildSignerDigest, "job_workflow_sha"),
        (Field::RunnerEnvironment, "runner_environment"),
        (Field::SourceRepositoryUri, "{{ .url }}/{{ .repository }}"),
        (Field::SourceRepositoryDigest, "sha"),
        (Field::SourceRepositoryRef, "ref"),
        (Field::SourceRepositoryIdentifier, "repository_id"),
        (
            Field::SourceRepositoryOwnerUri,
            "{{ .url }}/{{ .repository_owner }}",
        ),
        (
            Field::SourceRepositoryOwnerIdentifier,
            "repository_owner_id",
        ),
        (Field::BuildConfigUri, "{{ .url }}/{{ .workflow_ref }}"),
        (Field::BuildConfigDigest, "workflow_sha"),
        (Field::BuildTrigger, "event_name"),
        (
            Field::RunInvocationUri,
            "{{ .url }}/{{ .repository }}/actions/runs/{{ .run_id }}/attempts/{{ .run_attempt }}",
        ),
        (
            Field::SourceRepositoryVisibilityAtSigning,
            "repository_visibility",
        ),
        (Field::DeploymentEnvironment, "environment"),
    ],
    defaults: &[("environment", "")],
};

/// Where the pages of github.com are.
pub(super) const WEB_URL: &str = "https://github.com";
