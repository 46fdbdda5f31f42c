//! Lists of DER certificates in one value: each after its length in four octets, big-endian.

pub(crate) fn join(items: &[Vec<u8>]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(items.iter().map(|item| item.len() + 4).sum());
    for item in items {
        // No certificate is near 4 GiB.
        joined.extend(u32::try_from(item.len()).unwrap_or(u32::MAX).to_be_bytes());
        joined.extend_from_slice(item);
    }
    joined
}

pub(crate) fn split(mut joined: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let mut items = Vec::new();
    while !joined.is_empty() {
        let (length, rest) = joined.split_first_chunk::<4>().ok_or("ends within a length")?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| "a length is too large")?;
        let (item, rest) = rest.split_at_checked(length).ok_or("ends within a certificate")?;
        items.push(item.to_vec());
        joined = rest;
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_survive_and_cut_ones_are_refused() {
        for list in [vec![], vec![vec![]], vec![vec![1, 2, 3], vec![], vec![0; 300]]] {
            let joined = join(&list);
            assert_eq!(split(&joined), Ok(list));
        }
        let joined = join(&[vec![1, 2, 3]]);
        for cut in 1..joined.len() {
            assert!(split(&joined[..cut]).is_err(), "{cut}");
        }
    }
}
