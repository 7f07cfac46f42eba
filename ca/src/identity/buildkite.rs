//! Buildkite. The subject is the pipeline.

use sigstore::cert::extensions::ExtensionField as Field;

use super::templates::BuiltIn;

pub(super) const TEMPLATES: BuiltIn = BuiltIn {
    subject: "{{ .url }}/{{ .organization_slug }}/{{ .pipeline_slug }}",
    extensions: &[
        (Field::RunnerEnvironment, "runner_environment"),
        (Field::SourceRepositoryDigest, "build_commit"),
        (Field::BuildTrigger, "build_source"),
        (
            Field::RunInvocationUri,
            "{{ .url }}/{{ .organization_slug }}/{{ .pipeline_slug }}/builds/\
             {{ .build_number }}#{{ .job_id }}",
        ),
    ],
    defaults: &[],
};

/// Where the pages of Buildkite are.
pub(super) const WEB_URL: &str = "https://buildkite.com";
