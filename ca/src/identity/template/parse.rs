//! Reading a template: text, and actions between double braces.

use super::{Operand, Piece, TEMPLATE_DEPTH_MAX, TEMPLATE_LEN_BYTES_MAX, Template, TemplateError};
use crate::error::excerpt;

pub(super) fn template(source: &str) -> Result<Template, TemplateError> {
    if source.len() > TEMPLATE_LEN_BYTES_MAX {
        let found = source.len();
        return Err(TemplateError::TooLong { found });
    }
    if source.trim().is_empty() {
        return Err(TemplateError::Empty);
    }
    if !source.contains("{{") {
        if !is_claim_name(source) {
            let wanted = "without {{ braces }} this is the name of a claim, which has no spaces, \
                          quotes or braces";
            return Err(syntax(source, wanted));
        }
        let pieces = vec![Piece::Value(Operand::Claim(source.to_owned()))];
        return Ok(Template { pieces });
    }
    let mut rest = source;
    let (pieces, end) = block(&mut rest, 0)?;
    if end != BlockEnd::Source {
        return Err(syntax(source, "`else` or `end` without `if`"));
    }
    Ok(Template { pieces })
}

fn is_claim_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_graphic() && !"\"\\{}".contains(c);
    name.chars().all(is_part)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BlockEnd {
    Source,
    Else,
    End,
}

/// Pieces up to the end of the source or to what ends the `if` around them.
fn block(rest: &mut &str, depth: usize) -> Result<(Vec<Piece>, BlockEnd), TemplateError> {
    let mut pieces = Vec::new();
    loop {
        let Some((text, behind)) = rest.split_once("{{") else {
            push_text(&mut pieces, rest);
            *rest = "";
            return Ok((pieces, BlockEnd::Source));
        };
        push_text(&mut pieces, text);
        let tokens = action(behind, rest)?;
        match tokens.as_slice() {
            [Token::Word("else")] => return Ok((pieces, BlockEnd::Else)),
            [Token::Word("end")] => return Ok((pieces, BlockEnd::End)),
            [Token::Word("if"), Token::Word("eq"), operands @ ..] => {
                pieces.push(choice(operands, behind, rest, depth + 1)?);
            }
            operand => pieces.push(Piece::Value(whole_operand(operand, behind)?)),
        }
    }
}

fn choice(
    operands: &[Token<'_>],
    place: &str,
    rest: &mut &str,
    depth: usize,
) -> Result<Piece, TemplateError> {
    if depth > TEMPLATE_DEPTH_MAX {
        return Err(TemplateError::TooDeep);
    }
    let wanted = "wanted: if eq .name \"text\"";
    let (left, behind) = argument(operands).ok_or_else(|| syntax(place, wanted))?;
    let (right, behind) = argument(behind).ok_or_else(|| syntax(place, wanted))?;
    if !behind.is_empty() {
        return Err(syntax(place, wanted));
    }
    let (then, mut end) = block(rest, depth)?;
    let mut otherwise = Vec::new();
    if end == BlockEnd::Else {
        (otherwise, end) = block(rest, depth)?;
    }
    if end != BlockEnd::End {
        return Err(syntax(place, "this `if` has no {{end}}, or two {{else}}"));
    }
    Ok(Piece::Choice {
        left,
        right,
        then,
        otherwise,
    })
}

/// An action that is one value, with or without parentheses.
fn whole_operand(tokens: &[Token<'_>], place: &str) -> Result<Operand, TemplateError> {
    if let [Token::Word("index"), Token::Word("."), Token::Text(name)] = tokens {
        return Ok(Operand::Index((*name).to_owned()));
    }
    match argument(tokens) {
        Some((operand @ (Operand::Claim(_) | Operand::Index(_)), [])) => Ok(operand),
        _ => Err(syntax(
            place,
            "wanted: .name, index . \"name\", if eq .name \"text\", else or end",
        )),
    }
}

/// One argument off the front: `.name`, `"text"`, or `(index . "name")`.
fn argument<'t, 's>(tokens: &'t [Token<'s>]) -> Option<(Operand, &'t [Token<'s>])> {
    match tokens {
        [Token::Text(text), rest @ ..] => Some((Operand::Literal((*text).to_owned()), rest)),
        [Token::Word(word), rest @ ..] => {
            let name = word.strip_prefix('.').filter(|name| is_field(name))?;
            Some((Operand::Claim(name.to_owned()), rest))
        }
        [
            Token::Open,
            Token::Word("index"),
            Token::Word("."),
            Token::Text(name),
            Token::Close,
            rest @ ..,
        ] => Some((Operand::Index((*name).to_owned()), rest)),
        _ => None,
    }
}

/// What may follow the dot of `.name`.
fn is_field(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(is_part)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Text(&'a str),
    Open,
    Close,
}

/// The tokens up to the closing braces; `rest` becomes what is behind them.
fn action<'a>(source: &'a str, rest: &mut &'a str) -> Result<Vec<Token<'a>>, TemplateError> {
    let mut tokens = Vec::new();
    let mut left = source;
    loop {
        left = left.trim_start_matches([' ', '\t']);
        if let Some(behind) = left.strip_prefix("}}") {
            *rest = behind;
            return Ok(tokens);
        }
        let (token, behind) = token(left).ok_or_else(|| {
            let wanted = "not closed by }}, or a character that has no meaning here";
            syntax(source, wanted)
        })?;
        tokens.push(token);
        left = behind;
    }
}

fn token(source: &str) -> Option<(Token<'_>, &str)> {
    if let Some(behind) = source.strip_prefix('(') {
        return Some((Token::Open, behind));
    }
    if let Some(behind) = source.strip_prefix(')') {
        return Some((Token::Close, behind));
    }
    if let Some(quoted) = source.strip_prefix('"') {
        let (text, behind) = quoted.split_once('"')?;
        let is_plain = !text.contains('\\') && !text.chars().any(char::is_control);
        return is_plain.then_some((Token::Text(text), behind));
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let end = source.find(|c| !is_word(c)).unwrap_or(source.len());
    let (word, behind) = source.split_at(end);
    (!word.is_empty()).then_some((Token::Word(word), behind))
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

fn syntax(place: &str, wanted: &'static str) -> TemplateError {
    let found = excerpt(place);
    TemplateError::Syntax { found, wanted }
}
