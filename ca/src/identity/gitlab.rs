//! GitLab CI, on gitlab.com and on an instance of one's own.
//!
//! The subject is the pipeline's definition, at its ref. GitLab puts `//` between project and
//! file, and verifiers want it there.

use sigstore::cert::extensions::ExtensionField as Field;

use super::templates::BuiltIn;

pub(super) const TEMPLATES: BuiltIn = BuiltIn {
    subject: "https://{{ .ci_config_ref_uri }}",
    extensions: &[
        (Field::BuildSignerUri, "https://{{ .ci_config_ref_uri }}"),
        (Field::BuildSignerDigest, "ci_config_sha"),
        (Field::RunnerEnvironment, "runner_environment"),
        (Field::SourceRepositoryUri, "{{ .url }}/{{ .project_path }}"),
        (Field::SourceRepositoryDigest, "sha"),
        (
            Field::SourceRepositoryRef,
            "refs/{{ if eq .ref_type \"branch\" }}heads/{{ else }}tags/{{ end }}{{ .ref }}",
        ),
        (Field::SourceRepositoryIdentifier, "project_id"),
        (
            Field::SourceRepositoryOwnerUri,
            "{{ .url }}/{{ .namespace_path }}",
        ),
        (Field::SourceRepositoryOwnerIdentifier, "namespace_id"),
        (Field::BuildConfigUri, "https://{{ .ci_config_ref_uri }}"),
        (Field::BuildConfigDigest, "ci_config_sha"),
        (Field::BuildTrigger, "pipeline_source"),
        (
            Field::RunInvocationUri,
            "{{ .url }}/{{ .project_path }}/-/jobs/{{ .job_id }}",
        ),
        (
            Field::SourceRepositoryVisibilityAtSigning,
            "project_visibility",
        ),
        (Field::DeploymentEnvironment, "environment"),
    ],
    defaults: &[("environment", "")],
};
