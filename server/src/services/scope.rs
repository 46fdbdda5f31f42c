//! Lists for callers whose rights end at some profiles: one page of each profile, along its index, put together. So
//! a page costs the same however much there is under other profiles.

use model::{Page, ProfileId, Reach};

/// Of which profiles a list is to be read, each by itself; `None` stands for all. `wanted`: what the caller asks for.
pub fn parts(reach: &Reach, wanted: Option<&ProfileId>) -> Vec<Option<ProfileId>> {
    match (wanted, reach) {
        (Some(profile), reach) if reach.covers(profile) => vec![Some(profile.clone())],
        (Some(_), _) => Vec::new(),
        (None, Reach::Everywhere) => vec![None],
        (None, Reach::Profiles(profiles)) => profiles.iter().cloned().map(Some).collect(),
    }
}

/// The first `limit` items of the pages of several lists, each newest first.
pub fn merge<T>(mut pages: Vec<Page<T>>, limit: u32, id: impl Fn(&T) -> String) -> Page<T> {
    if pages.len() == 1 {
        return pages.remove(0);
    }
    let more = pages.iter().any(|page| page.next.is_some());
    let mut items: Vec<T> = pages.into_iter().flat_map(|page| page.items).collect();
    items.sort_by_cached_key(|item| std::cmp::Reverse(id(item)));
    let limit = limit as usize;
    let more = more || items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(id) } else { None };
    Page { items, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads two lists through merged pages of `limit` and returns all items.
    fn walk(lists: [&[u32]; 2], limit: u32) -> Vec<u32> {
        let (mut found, mut after) = (Vec::new(), None::<u32>);
        loop {
            let page = |list: &[u32]| {
                let rest = list.iter().copied().filter(|n| after.is_none_or(|after| *n < after));
                Page::from_overfull(rest.take(limit as usize + 1).collect(), limit, |n| format!("{n:03}"))
            };
            let merged = merge(lists.iter().map(|list| page(list)).collect(), limit, |n| format!("{n:03}"));
            assert!(merged.items.len() <= limit as usize);
            found.extend(merged.items);
            match merged.next {
                Some(next) => after = Some(next.parse().unwrap()),
                None => return found,
            }
        }
    }

    #[test]
    fn merged_pages_have_every_item_once_in_order() {
        let (one, other) = ([9, 7, 6, 5, 1].as_slice(), [8, 4, 3, 2].as_slice());
        for limit in 1..=10 {
            assert_eq!(walk([one, other], limit), [9, 8, 7, 6, 5, 4, 3, 2, 1], "limit {limit}");
            assert_eq!(walk([one, &[]], limit), one);
        }
        assert_eq!(merge(Vec::<Page<u32>>::new(), 5, u32::to_string), Page { items: vec![], next: None });
    }
}
