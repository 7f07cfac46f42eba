//! The two pages on which somebody says who they are. Both say first what this is.

use std::fmt::Write as _;

use ca::Preset;

use super::claims::example;

/// What every page begins with.
const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<title>DEVELOPMENT ONLY: cairnd</title></head><body><h1>DEVELOPMENT ONLY</h1><p><strong>This \
issuer gives anybody any identity. \
What is signed with it proves nothing to anyone.</strong></p><hr>";

const TAIL: &str = "</body></html>";

/// A form that asks who somebody is. `hidden` comes back with it.
pub(super) fn sign_in<'a>(
    preset: Preset,
    action: &str,
    hidden: impl Iterator<Item = (&'a str, &'a str)>,
    hint: &str,
) -> String {
    let mut fields = String::new();
    for (name, value) in hidden {
        let (name, value) = (escaped(name), escaped(value));
        // Writing to a string does not fail.
        let _infallible = write!(
            fields,
            "<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"
        );
    }
    format!(
        "{HEAD}<form method=\"post\" action=\"{}\">{fields}<label>Who are you? An identity of the \
         preset {}, such as {}<input name=\"identity\" value=\"{}\" autofocus required></label>\
         <button>Sign in</button></form>{TAIL}",
        escaped(action),
        preset.name(),
        escaped(example(preset)),
        escaped(hint),
    )
}

/// A form that asks for the code that a device shows, and who somebody is.
pub(super) fn device(preset: Preset, action: &str, user_code: &str) -> String {
    let form = sign_in(preset, action, std::iter::empty(), "");
    let code = format!(
        "<label>The code that your device shows<input name=\"user_code\" value=\"{}\" required>\
         </label><label>Who are you?",
        escaped(user_code)
    );
    form.replacen("<label>Who are you?", &code, 1)
}

/// A page with a sentence on it.
pub(super) fn message(text: &str) -> String {
    format!("{HEAD}<p>{}</p>{TAIL}", escaped(text))
}

/// Text as it stands in HTML, also within quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
