//! Templates: text with claims in it, for issuers that no preset is made for.
//!
//! The language is the part of Go's `text/template` that Sigstore's CA configurations use, so that
//! they can be taken over as they are, and no more:
//!
//! | written | means |
//! |---|---|
//! | `event_name` | the claim, if there are no braces at all |
//! | `https://x/{{ .project }}` | text, and a claim that must be there |
//! | `{{ index . "x.example/id" }}`, `{{(index . "x")}}` | a claim by any name, empty if missing |
//! | `{{if eq .ref_type "branch"}}heads{{ else }}tags{{end}}` | one or the other |
//!
//! A name that begins with `/` in `index` is a JSON pointer into claims that nest. Claims that are
//! arrays or objects have no text and are refused.
//!
//! Invariant: rendering ends, and in a time and length bounded by template and token.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use crate::oidc::Claims;
use crate::oidc::claims::text_of;

mod parse;

/// The longest template.
pub const TEMPLATE_LEN_BYTES_MAX: usize = 2048;

/// How deep `if` may nest.
pub const TEMPLATE_DEPTH_MAX: usize = 4;

/// The longest text that a template may become: what fits into a certificate many times over.
pub const RENDERED_LEN_BYTES_MAX: usize = 4096;

/// A template that was parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Operand),
    Choice {
        left: Operand,
        right: Operand,
        then: Vec<Piece>,
        otherwise: Vec<Piece>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operand {
    /// `.name`: must be there.
    Claim(String),
    /// `index . "name"`: empty if missing.
    Index(String),
    /// `"text"`.
    Literal(String),
}

/// What templates see: a token's claims, and texts for those that it lacks.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// The token's claims, which come first.
    pub claims: &'a Claims,
    /// Texts for what the token lacks.
    pub defaults: &'a BTreeMap<String, String>,
}

impl Values<'_> {
    fn find(&self, name: &str) -> Result<Option<String>, RenderError> {
        match self.claims.find(name) {
            Some(value) if !value.is_null() => {
                let text = text_of(value);
                let claim = || name.to_owned();
                text.map(Some).ok_or_else(|| RenderError::NotText(claim()))
            }
            _ => Ok(self.defaults.get(name).cloned()),
        }
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// [`TemplateError`]: too long or nested too deep, empty, or not in the language.
    pub fn parse(source: &str) -> Result<Template, TemplateError> {
        parse::template(source)
    }

    /// The text, where missing and empty claims behind `index` leave gaps.
    ///
    /// # Errors
    ///
    /// [`RenderError`]: a claim is missing or has no text, or the text becomes too long.
    pub fn render(&self, values: Values<'_>) -> Result<String, RenderError> {
        self.render_with(values, false)
    }

    /// The text, with something in every place: what names somebody must have no gaps, or several
    /// who leave the same gap would have one name.
    ///
    /// # Errors
    ///
    /// As [`Template::render`], and [`RenderError::Missing`] for an empty claim.
    pub fn render_without_gaps(&self, values: Values<'_>) -> Result<String, RenderError> {
        self.render_with(values, true)
    }

    fn render_with(&self, values: Values<'_>, no_gaps: bool) -> Result<String, RenderError> {
        let mut out = String::new();
        render_pieces(&self.pieces, values, no_gaps, &mut out)?;
        Ok(out)
    }
}

fn render_pieces(
    pieces: &[Piece],
    values: Values<'_>,
    no_gaps: bool,
    out: &mut String,
) -> Result<(), RenderError> {
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Value(operand) => {
                let value = operand.value(values)?;
                if no_gaps && value.is_empty() {
                    return Err(RenderError::Missing(operand.name().to_owned()));
                }
                out.push_str(&value);
            }
            Piece::Choice {
                left,
                right,
                then,
                otherwise,
            } => {
                let equal = left.value(values)? == right.value(values)?;
                let chosen = if equal { then } else { otherwise };
                render_pieces(chosen, values, no_gaps, out)?;
            }
        }
        if out.len() > RENDERED_LEN_BYTES_MAX {
            return Err(RenderError::TooLong);
        }
    }
    Ok(())
}

impl Operand {
    fn value(&self, values: Values<'_>) -> Result<String, RenderError> {
        match self {
            Operand::Claim(name) => values
                .find(name)?
                .ok_or_else(|| RenderError::Missing(name.clone())),
            Operand::Index(name) => Ok(values.find(name)?.unwrap_or_default()),
            Operand::Literal(text) => Ok(text.clone()),
        }
    }

    fn name(&self) -> &str {
        match self {
            Operand::Claim(name) | Operand::Index(name) | Operand::Literal(name) => name,
        }
    }
}

/// The template in one form: parsed again, it is the same template.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pieces.as_slice() {
            // A name that stands alone may have what `.name` may not.
            [Piece::Value(Operand::Claim(name))] => f.write_str(name),
            pieces => write_pieces(pieces, f),
        }
    }
}

fn write_pieces(pieces: &[Piece], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for piece in pieces {
        match piece {
            Piece::Text(text) => f.write_str(text)?,
            Piece::Value(operand) => write!(f, "{{{{ {operand} }}}}")?,
            Piece::Choice {
                left,
                right,
                then,
                otherwise,
            } => {
                write!(f, "{{{{ if eq {left} {right} }}}}")?;
                write_pieces(then, f)?;
                f.write_str("{{ else }}")?;
                write_pieces(otherwise, f)?;
                f.write_str("{{ end }}")?;
            }
        }
    }
    Ok(())
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Claim(name) => write!(f, ".{name}"),
            Operand::Index(name) => write!(f, "(index . \"{name}\")"),
            Operand::Literal(text) => write!(f, "\"{text}\""),
        }
    }
}

/// Why a template was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TemplateError {
    /// More bytes than are read.
    #[error("the template has {found} bytes, at most {TEMPLATE_LEN_BYTES_MAX} are read")]
    TooLong {
        /// How many.
        found: usize,
    },
    /// Nothing in it.
    #[error("the template is empty: leave it out")]
    Empty,
    /// `if` within `if` within ...
    #[error("`if` nests deeper than {TEMPLATE_DEPTH_MAX}")]
    TooDeep,
    /// Not in the language.
    #[error("{found}: {wanted}")]
    Syntax {
        /// The place, quoted.
        found: String,
        /// What would be right.
        wanted: &'static str,
    },
}

/// Why a template has no text for a token.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RenderError {
    /// The token lacks a claim, or it is empty where it must not be.
    #[error("the claim {0} is missing or empty")]
    Missing(String),
    /// A claim is an array or an object.
    #[error("the claim {0} is not text, a number or a boolean")]
    NotText(String),
    /// The text becomes too long.
    #[error("the text has more than {RENDERED_LEN_BYTES_MAX} bytes")]
    TooLong,
}

#[cfg(test)]
mod tests;
