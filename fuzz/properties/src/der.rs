//! As much DER as it takes to put an input where its parser finds it. Not that of `ca`, which is under test.

/// One value with the given tag, its contents put together from `parts`.
pub fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let octets = content.len().to_be_bytes();
            let octets: Vec<u8> = octets.into_iter().skip_while(|octet| *octet == 0).collect();
            out.push(0x80 | u8::try_from(octets.len()).expect("a usize has eight octets"));
            out.extend(octets);
        }
    }
    out.extend(content);
    out
}

/// Cuts `octets` into values, each with its tag; `None` when that cannot be done. Lengths need not be shortest.
pub fn split(mut octets: &[u8]) -> Option<Vec<&[u8]>> {
    let mut values = Vec::new();
    while !octets.is_empty() {
        let (header, length) = header(octets)?;
        let (value, rest) = octets.split_at_checked(header.checked_add(length)?)?;
        values.push(value);
        octets = rest;
    }
    Some(values)
}

/// The contents of the one value that fills `octets`.
pub fn content(octets: &[u8]) -> Option<&[u8]> {
    let (header, length) = header(octets)?;
    let content = octets.get(header..)?;
    (content.len() == length).then_some(content)
}

/// Octets of tag and length, and the length that they say.
fn header(octets: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*octets.get(1)?);
    if first < 0x80 {
        return Some((2, first));
    }
    let count = first & 0x7f;
    let length = octets.get(2..2 + count).filter(|octets| (1..=4).contains(&octets.len()))?;
    Some((2 + count, length.iter().fold(0, |n, octet| n << 8 | usize::from(*octet))))
}
