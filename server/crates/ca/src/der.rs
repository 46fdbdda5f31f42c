//! As much DER (X.690 §10) as certificates and CSRs need. The reader is strict: definite, shortest lengths only and
//! nothing left over, so a value has one encoding and comparing bytes compares values.

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const TELETEX_STRING: u8 = 0x14;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// `[n]` of a primitive type, implicitly tagged.
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// `[n]` of a constructed type, or of any type when explicitly tagged.
pub(crate) const fn context_constructed(number: u8) -> u8 {
    0xa0 | number
}

/// The contents octets of the object identifiers in use.
pub(crate) mod oid {
    pub(crate) const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
    pub(crate) const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x0e];
    pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
    pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
    pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
    pub(crate) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
    pub(crate) const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x23];
    pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
    /// 1.3.6.1.5.5.7.1.24, RFC 7633
    pub(crate) const TLS_FEATURE: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x18];
    /// 1.3.6.1.5.5.7.3.1
    pub(crate) const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
    /// 1.3.6.1.5.5.7.3.2
    pub(crate) const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
    /// 1.2.840.113549.1.9.14, RFC 2985 §5.4.2
    pub(crate) const EXTENSION_REQUEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
    /// 1.2.840.113549.1.1.1
    pub(crate) const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    pub(crate) const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
    pub(crate) const SHA384_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c];
    pub(crate) const SHA512_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d];
    /// 1.2.840.10045.2.1
    pub(crate) const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    pub(crate) const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
    pub(crate) const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
    pub(crate) const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    pub(crate) const ECDSA_WITH_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
    pub(crate) const ECDSA_WITH_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];
    /// 1.3.101.112, RFC 8410
    pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
}

/// The bytes are not the DER that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotDer;

/// One value with its tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    /// The contents octets.
    pub(crate) content: &'a [u8],
    /// Tag, length and contents.
    pub(crate) raw: &'a [u8],
}

/// Reads values one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Reads a single value that fills `bytes` and has the tag `tag`; gives its contents.
    pub(crate) fn only(bytes: &'a [u8], tag: u8) -> Result<&'a [u8], NotDer> {
        let mut reader = Self::new(bytes);
        let content = reader.expect(tag)?;
        reader.finish()?;
        Ok(content)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn element(&mut self) -> Result<Element<'a>, NotDer> {
        let (&tag, after_tag) = self.rest.split_first().ok_or(NotDer)?;
        // Tag numbers above 30 take more octets; nothing that we read has one.
        if tag & 0x1f == 0x1f {
            return Err(NotDer);
        }
        let (length, after_length) = read_length(after_tag)?;
        let content = after_length.get(..length).ok_or(NotDer)?;
        let header = self.rest.len() - after_length.len();
        let (raw, rest) = self.rest.split_at(header + length);
        self.rest = rest;
        Ok(Element { tag, content, raw })
    }

    /// The contents of the next value, which must have the tag `tag`.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<&'a [u8], NotDer> {
        let element = self.element()?;
        if element.tag == tag { Ok(element.content) } else { Err(NotDer) }
    }

    /// The contents of the next value if there is one with the tag `tag`.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, NotDer> {
        if self.rest.first() == Some(&tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    /// A reader of the contents of the next value, a SEQUENCE.
    pub(crate) fn sequence(&mut self) -> Result<Self, NotDer> {
        self.expect(SEQUENCE).map(Self::new)
    }

    /// The octets of the next value, a BIT STRING of whole octets.
    pub(crate) fn octet_aligned_bits(&mut self) -> Result<&'a [u8], NotDer> {
        match self.expect(BIT_STRING)?.split_first() {
            Some((0, bits)) => Ok(bits),
            _ => Err(NotDer),
        }
    }

    /// The magnitude of the next value, an INTEGER above zero, without leading zeros.
    pub(crate) fn positive_integer(&mut self) -> Result<&'a [u8], NotDer> {
        match self.expect(INTEGER)? {
            [0, magnitude @ ..] if magnitude.first().is_some_and(|b| b & 0x80 != 0) => Ok(magnitude),
            magnitude if magnitude.first().is_some_and(|b| (1..0x80).contains(b)) => Ok(magnitude),
            _ => Err(NotDer),
        }
    }

    /// Fails when something is left.
    pub(crate) fn finish(&self) -> Result<(), NotDer> {
        if self.rest.is_empty() { Ok(()) } else { Err(NotDer) }
    }
}

/// X.690 §8.1.3 as §10.1 narrows it: the definite form in the fewest octets.
fn read_length(bytes: &[u8]) -> Result<(usize, &[u8]), NotDer> {
    let (&first, rest) = bytes.split_first().ok_or(NotDer)?;
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    // Nothing that we read has 2^32 octets; 0x80 alone is the indefinite form.
    if !(1..=4).contains(&count) {
        return Err(NotDer);
    }
    let (octets, rest) = rest.split_at_checked(count).ok_or(NotDer)?;
    let length = octets.iter().fold(0u32, |n, b| (n << 8) | u32::from(*b));
    if length < 0x80 || octets.first() == Some(&0) {
        return Err(NotDer);
    }
    Ok((usize::try_from(length).map_err(|_| NotDer)?, rest))
}

/// Appends one value whose contents `fill` writes.
pub(crate) fn write(out: &mut Vec<u8>, tag: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    out.push(0);
    let start = out.len();
    fill(out);
    let length = out.len() - start;
    if length < 0x80 {
        // Fits the octet kept for it: the cast cannot lose anything.
        out[start - 1] = length.to_le_bytes()[0];
    } else {
        let octets = length.to_be_bytes();
        let octets = &octets[octets.iter().take_while(|b| **b == 0).count()..];
        out[start - 1] = 0x80 | octets.len().to_le_bytes()[0];
        out.splice(start..start, octets.iter().copied());
    }
}

/// Appends one value with the given contents.
pub(crate) fn write_bytes(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    write(out, tag, |out| out.extend_from_slice(content));
}

/// Appends a BIT STRING of whole octets.
pub(crate) fn write_bits(out: &mut Vec<u8>, octets: &[u8]) {
    write(out, BIT_STRING, |out| {
        out.push(0);
        out.extend_from_slice(octets);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_at_every_length_form() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let content = vec![7; length];
            let mut out = Vec::new();
            write_bytes(&mut out, OCTET_STRING, &content);
            assert_eq!(Reader::only(&out, OCTET_STRING).unwrap(), content);
        }
    }

    #[test]
    fn anything_but_der_is_refused() {
        for bad in [
            &[][..],
            &[0x04],
            &[0x04, 0x01],
            &[0x04, 0x80, 0x00, 0x00],                   // indefinite
            &[0x04, 0x81, 0x01, 0x00],                   // long form of a short length
            &[0x04, 0x82, 0x00, 0x80],                   // leading zero
            &[0x04, 0x85, 0x01, 0x00, 0x00, 0x00, 0x00], // too long
            &[0x1f, 0x81, 0x01, 0x00],                   // high tag number
        ] {
            assert!(Reader::new(bad).element().is_err(), "{bad:02x?}");
        }
        assert!(Reader::only(&[0x04, 0x00, 0x00], OCTET_STRING).is_err());
    }

    #[test]
    fn integers_have_one_form() {
        let read = |bytes: &'static [u8]| Reader::new(bytes).positive_integer();
        assert_eq!(read(&[2, 1, 5]), Ok(&[5][..]));
        assert_eq!(read(&[2, 2, 0, 0x80]), Ok(&[0x80][..]));
        for bad in [&[2, 0][..], &[2, 1, 0], &[2, 1, 0x80], &[2, 2, 0, 5], &[2, 2, 0, 0]] {
            assert!(read(bad).is_err(), "{bad:02x?}");
        }
    }
}
