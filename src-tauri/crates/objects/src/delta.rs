//! Deltas: an object as copies from another one and insertions.

/// Applies a delta; `None` if it does not fit.
pub(crate) fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut rest = delta;
    if number(&mut rest)? != base.len() as u64 {
        return None;
    }
    let size = usize::try_from(number(&mut rest)?).ok()?;
    let mut out = Vec::with_capacity(size.min(64 << 20));
    while let Some((&code, after)) = rest.split_first() {
        rest = after;
        if code & 0x80 != 0 {
            let mut field = |bits: u8, places: u32| {
                let mut value = 0_usize;
                for place in 0..places {
                    if bits >> place & 1 != 0 {
                        let (&byte, after) = rest.split_first()?;
                        rest = after;
                        value |= usize::from(byte) << (8 * place);
                    }
                }
                Some(value)
            };
            let offset = field(code & 15, 4)?;
            let length = match field(code >> 4 & 7, 3)? {
                0 => 0x10000,
                length => length,
            };
            out.extend_from_slice(base.get(offset..offset.checked_add(length)?)?);
        } else {
            let length = usize::from(code);
            if length == 0 {
                return None;
            }
            out.extend_from_slice(rest.get(..length)?);
            rest = &rest[length..];
        }
        if out.len() > size {
            return None;
        }
    }
    (out.len() == size).then_some(out)
}

/// The size of the object that a delta makes; of the delta only its start is needed.
pub(crate) fn result_size(delta: &[u8]) -> Option<u64> {
    let mut rest = delta;
    number(&mut rest)?;
    number(&mut rest)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_and_insertions() {
        let base = b"0123456789";
        // Ten bytes become six: copy three from 2, insert "xyz".
        let delta = [10, 6, 0x80 | 1 | 16, 2, 3, 3, b'x', b'y', b'z'];
        assert_eq!(apply(base, &delta).unwrap(), b"234xyz");
        assert_eq!(result_size(&delta), Some(6));
        for end in 0..delta.len() {
            assert_eq!(apply(base, &delta[..end]), None, "{end}");
        }
        assert_eq!(apply(&base[..9], &delta), None);
        assert_eq!(apply(base, &[10, 4, 0x80 | 1 | 16, 8, 4]), None);
        assert_eq!(apply(base, &[10, 0, 0]), None);
    }
}
