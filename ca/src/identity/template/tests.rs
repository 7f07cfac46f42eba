//! The language, what it refuses, and that rendering is bounded.

use proptest::prelude::*;

use super::*;

const CLAIMS: &str = r#"{"ref":"main","ref_type":"branch","n":7,"yes":true,"empty":"",
    "x.example/id":"9","deep":{"er":"d"},"list":["a"],"null":null,"evil":"{{ .ref }}"}"#;

fn render(source: &str) -> Result<String, RenderError> {
    let claims = Claims::parse(CLAIMS.as_bytes()).unwrap();
    let defaults = [("url", "https://x"), ("ref", "other"), ("null", "none")];
    let defaults = defaults
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into();
    let (claims, defaults) = (&claims, &defaults);
    Template::parse(source)
        .unwrap()
        .render(Values { claims, defaults })
}

#[test]
fn the_forms_of_the_language() {
    for (source, wanted) in [
        ("ref", "main"),
        ("x.example/id", "9"),
        ("/deep/er", "d"),
        ("{{ .ref }}", "main"),
        ("{{.ref}}", "main"),
        ("{{\t.ref\t}}", "main"),
        ("a{{ .n }}b{{ .yes }}c", "a7btruec"),
        ("{{ .url }}/{{ .ref }}", "https://x/main"),
        ("{{ .null }}", "none"),
        ("{{ index . \"x.example/id\" }}", "9"),
        ("{{(index . \"x.example/id\")}}", "9"),
        ("{{ index . \"/deep/er\" }}", "d"),
        ("{{ index . \"missing\" }}!", "!"),
        (
            "refs/{{if eq .ref_type \"branch\"}}heads/{{ else }}tags/{{end}}{{ .ref }}",
            "refs/heads/main",
        ),
        ("{{if eq .ref_type \"tag\"}}a{{else}}b{{end}}", "b"),
        ("{{if eq .ref_type \"tag\"}}a{{end}}.", "."),
        ("{{if eq (index . \"gone\") \"\"}}a{{end}}", "a"),
        (
            "{{if eq \"x\" \"x\"}}{{if eq .n \"7\"}}a{{end}}b{{end}}",
            "ab",
        ),
        // A claim is text, whatever it looks like.
        ("{{ .evil }}", "{{ .ref }}"),
        ("}} {{ .ref }} }", "}} main }"),
    ] {
        assert_eq!(render(source).as_deref(), Ok(wanted), "{source}");
    }
}

#[test]
fn what_a_token_must_have() {
    for source in [
        "missing",
        "{{ .missing }}",
        "{{if eq .missing \"x\"}}a{{end}}",
    ] {
        assert_eq!(
            render(source),
            Err(RenderError::Missing("missing".into())),
            "{source}"
        );
    }
    for source in ["list", "deep", "{{ .list }}", "{{ index . \"deep\" }}"] {
        assert!(
            matches!(render(source), Err(RenderError::NotText(_))),
            "{source}"
        );
    }
    // The branch that is not taken asks for nothing.
    assert_eq!(
        render("{{if eq .n \"7\"}}a{{else}}{{ .missing }}{{end}}").as_deref(),
        Ok("a")
    );
}

#[test]
fn names_have_no_gaps() {
    let claims = Claims::parse(CLAIMS.as_bytes()).unwrap();
    let defaults = BTreeMap::new();
    let values = Values {
        claims: &claims,
        defaults: &defaults,
    };
    for source in ["a/{{ .empty }}", "a/{{ index . \"missing\" }}", "empty"] {
        let template = Template::parse(source).unwrap();
        let refused = template.render_without_gaps(values);
        assert!(matches!(refused, Err(RenderError::Missing(_))), "{source}");
        assert!(template.render(values).is_ok());
    }
}

#[test]
fn what_is_not_in_the_language_is_refused() {
    for source in [
        "{{ .ref",
        "{{ }}",
        "{{ ref }}",
        "{{ . }}",
        "{{ .a.b }}",
        "{{ .a-b }}",
        "{{- .ref -}}",
        "{{ \"text\" }}",
        "{{ .ref | upper }}",
        "{{ printf \"%s\" .ref }}",
        "{{ range .list }}x{{ end }}",
        "{{ template \"x\" }}",
        "{{/* comment */}}",
        "{{ index . \"a\\\"b\" }}",
        "{{ index . `a` }}",
        "{{ index .list 0 }}",
        "{{ end }}",
        "{{ else }}",
        "{{ if .ref }}x{{ end }}",
        "{{ if eq .ref }}x{{ end }}",
        "{{ if eq .a .b .c }}x{{ end }}",
        "{{ if eq .ref \"x\" }}x",
        "{{ if eq .ref \"x\" }}x{{else}}y{{else}}z{{end}}",
        "{{ if eq .ref \"x\" }}x{{else if eq .ref \"y\"}}y{{end}}",
        "{{ if eq index . \"a\" \"b\" }}x{{ end }}",
        "{{ .ref {{ .ref }} }}",
        "{{{ .ref }}",
        "{{ .ref\n}}",
        "two words",
        "a{b}",
    ] {
        let refused = Template::parse(source);
        assert!(
            matches!(refused, Err(TemplateError::Syntax { .. })),
            "{source}: {refused:?}"
        );
    }
    for source in ["", "  ", "\n"] {
        assert_eq!(Template::parse(source), Err(TemplateError::Empty));
    }
}

#[test]
fn length_depth_and_output_are_bounded() {
    let long = "x".repeat(TEMPLATE_LEN_BYTES_MAX + 1);
    assert!(matches!(
        Template::parse(&long),
        Err(TemplateError::TooLong { .. })
    ));
    let nested = |depth: usize| {
        format!(
            "{}x{}",
            "{{if eq .n \"7\"}}".repeat(depth),
            "{{end}}".repeat(depth)
        )
    };
    assert_eq!(render(&nested(TEMPLATE_DEPTH_MAX)).as_deref(), Ok("x"));
    assert_eq!(
        Template::parse(&nested(TEMPLATE_DEPTH_MAX + 1)),
        Err(TemplateError::TooDeep)
    );
    let claims = format!(r#"{{"a":"{}"}}"#, "x".repeat(500));
    let claims = Claims::parse(claims.as_bytes()).unwrap();
    let defaults = BTreeMap::new();
    let template = Template::parse(&"{{.a}}".repeat(9)).unwrap();
    let values = Values {
        claims: &claims,
        defaults: &defaults,
    };
    assert_eq!(template.render(values), Err(RenderError::TooLong));
}

#[test]
fn a_template_is_written_in_one_form() {
    for (source, wanted) in [
        ("{{.a}}", "a"),
        ("x{{.a}}", "x{{ .a }}"),
        ("{{index . \"a b\"}}", "{{ (index . \"a b\") }}"),
        (
            "{{if eq .a \"b\"}}c{{end}}",
            "{{ if eq .a \"b\" }}c{{ else }}{{ end }}",
        ),
    ] {
        let template = Template::parse(source).unwrap();
        assert_eq!(template.to_string(), wanted);
        assert_eq!(Template::parse(wanted).as_ref(), Ok(&template));
    }
}

proptest! {
    #[test]
    fn what_is_accepted_is_read_again_as_the_same(
        source in "([a-z ]|\\{\\{|\\}\\}|\\.a|if eq|else|end|\"x\"|\\(|\\)|index \\.){0,12}",
    ) {
        if let Ok(template) = Template::parse(&source) {
            let written = template.to_string();
            prop_assert_eq!(Template::parse(&written), Ok(template), "{}", written);
        }
    }
}
