//! Writing field lines.

use std::ops::Range;

use glorieta_core::{Field, Fields, Name};

/// Writes a line for every field that `skip` does not skip.
///
/// A field that already stands in the block as the very line that would be written is copied
/// together with its neighbours; the result is the same as writing each. A field that was added
/// and would break out of its line is left out.
#[inline]
pub(super) fn write_fields(fields: &Fields, out: &mut Vec<u8>, mut skip: impl FnMut(Name) -> bool) {
    let block = fields.block.as_slice();
    let mut run = 0..0;
    for field in &fields.list {
        if skip(field.name) {
            continue;
        }
        match whole_line(block, field) {
            Some(line) if line.start == run.end => run.end = line.end,
            Some(line) => {
                out.extend_from_slice(&block[run]);
                run = line;
            }
            None => {
                out.extend_from_slice(&block[run]);
                run = 0..0;
                write_field(field.name_span.of(block), field.value_span.of(block), out);
            }
        }
    }
    out.extend_from_slice(&block[run]);
}

/// Where the field stands in the block as `name: value` and CRLF, if it does.
#[inline]
fn whole_line(block: &[u8], field: &Field) -> Option<Range<usize>> {
    let name_end = (field.name_span.start + field.name_span.length) as usize;
    let value_start = field.value_span.start as usize;
    let value_end = value_start + field.value_span.length as usize;
    let whole = value_start == name_end + 2
        && block.get(name_end..value_start) == Some(b": ")
        && block.get(value_end..value_end + 2) == Some(b"\r\n");
    whole.then_some(field.name_span.start as usize..value_end + 2)
}

fn write_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    if Fields::is_token(name) && Fields::is_value(value) {
        write_line(name, value, out);
    }
}

/// Writes one line of a name and value known to be good.
#[inline]
pub(super) fn write_line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
