//! `CircleCI`. The subject is the definition of the pipeline.
//!
//! Two things look wrong and are as Sigstore's public CA has them, so that policies written for it
//! hold here: a job that was not run again over SSH has a runner environment of two quotation
//! marks, and the address of a run has two slashes before `workflow`.

use sigstore::cert::extensions::ExtensionField as Field;

use super::templates::BuiltIn;

pub(super) const TEMPLATES: BuiltIn = BuiltIn {
    subject: DEFINITION,
    extensions: &[
        (Field::BuildSignerUri, DEFINITION),
        (
            Field::RunnerEnvironment,
            "{{ if eq (index . \"oidc.circleci.com/ssh-rerun\") \"true\" }}ssh-rerun\
             {{ else }}\"\"{{ end }}",
        ),
        (
            Field::SourceRepositoryUri,
            "{{ index . \"oidc.circleci.com/vcs-origin\" }}",
        ),
        (
            Field::SourceRepositoryRef,
            "{{ index . \"oidc.circleci.com/vcs-ref\" }}",
        ),
        (
            Field::BuildConfigUri,
            "{{ .api_url }}/pipeline/{{ index . \"oidc.circleci.com/pipeline-id\" }}/config",
        ),
        (
            Field::RunInvocationUri,
            "{{ .platform_url }}/workflow/{{ index . \"oidc.circleci.com/workflow-id\" }}\
             /job/{{ index . \"oidc.circleci.com/job-id\" }}",
        ),
    ],
    defaults: &[
        ("api_url", "https://circleci.com/api/v2"),
        ("platform_url", "https://app.circleci.com/"),
    ],
};

const DEFINITION: &str = "{{ .api_url }}/projects/\
    {{ index . \"oidc.circleci.com/project-id\" }}/pipeline-definitions/\
    {{ index . \"oidc.circleci.com/pipeline-definition-id\" }}";
