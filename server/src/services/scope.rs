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

/// The first `limit` items of the pages of several lists, each newest first. A page whose search is to go on says nothing
/// about what is older than its `next`, so neither does the whole.
pub fn merge<T>(mut pages: Vec<Page<T>>, limit: u32, id: impl Fn(&T) -> String) -> Page<T> {
    if pages.len() == 1 {
        return pages.remove(0);
    }
    let known_from = pages.iter().filter_map(|page| page.next.clone()).max();
    let items = pages.into_iter().flat_map(|page| page.items).map(|item| (id(&item), item));
    let mut items: Vec<_> =
        items.filter(|(id, _)| known_from.as_ref().is_none_or(|known_from| id >= known_from)).collect();
    items.sort_by(|(a, _), (b, _)| b.cmp(a));
    let limit = limit as usize;
    let next = match items.len() > limit {
        true => limit.checked_sub(1).and_then(|last| items.get(last)).map(|(id, _)| id.clone()),
        false => known_from,
    };
    items.truncate(limit);
    Page { items: items.into_iter().map(|(_, item)| item).collect(), next }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the even numbers of two lists through merged pages of `limit` and returns all. For a page no more than three
    /// numbers of a list are looked at.
    fn search(lists: [&[u32]; 2], limit: u32) -> Vec<u32> {
        let (mut found, mut after) = (Vec::new(), None::<u32>);
        loop {
            let page = |list: &[u32]| {
                let rest: Vec<_> =
                    list.iter().copied().filter(|n| after.is_none_or(|after| *n < after)).collect();
                let looked_at = rest.get(..3).unwrap_or(&rest);
                let even = looked_at.iter().copied().filter(|n| n % 2 == 0);
                let page = Page::from_overfull(even.collect(), limit, |n| format!("{n:03}"));
                let rest = (rest.len() > 3).then(|| format!("{:03}", looked_at[2]));
                Page { next: page.next.or(rest), ..page }
            };
            let merged = merge(lists.iter().map(|list| page(list)).collect(), limit, |n| format!("{n:03}"));
            found.extend(merged.items);
            match merged.next {
                Some(next) => after = Some(next.parse().unwrap()),
                None => return found,
            }
        }
    }

    #[test]
    fn searches_that_go_on_miss_nothing() {
        let (one, other) =
            ([19, 17, 16, 15, 13, 11, 8, 5, 4].as_slice(), [18, 14, 12, 10, 9, 6, 2].as_slice());
        for limit in 1..=6 {
            assert_eq!(search([one, other], limit), [18, 16, 14, 12, 10, 8, 6, 4, 2], "limit {limit}");
        }
    }

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
