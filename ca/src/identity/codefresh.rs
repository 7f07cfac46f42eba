//! Codefresh. The subject is the pipeline, by its names and its identifiers.

use sigstore::cert::extensions::ExtensionField as Field;

use super::templates::BuiltIn;

pub(super) const TEMPLATES: BuiltIn = BuiltIn {
    subject: "{{ .platform_url }}/{{ .account_name }}/{{ .pipeline_name }}:\
              {{ .account_id }}/{{ .pipeline_id }}",
    extensions: &[
        (
            Field::BuildSignerUri,
            "{{ .platform_url }}/build/{{ .workflow_id }}",
        ),
        (Field::RunnerEnvironment, "runner_environment"),
        (Field::SourceRepositoryUri, "scm_repo_url"),
        (Field::SourceRepositoryRef, "scm_ref"),
        (
            Field::BuildConfigUri,
            "{{ .platform_url }}/api/pipelines/{{ .pipeline_id }}",
        ),
        (
            Field::RunInvocationUri,
            "{{ .platform_url }}/build/{{ .workflow_id }}",
        ),
    ],
    defaults: &[
        ("platform_url", "https://g.codefresh.io"),
        ("runner_environment", ""),
        ("scm_ref", ""),
        ("scm_repo_url", ""),
    ],
};
