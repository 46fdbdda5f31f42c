use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use acme::{NonceError, NonceMint, NonceWindow, base64url};
use model::{SystemEntropy, Timestamp};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn mint() -> NonceMint {
    NonceMint::new(&[7; 32], &SystemEntropy)
}

#[test]
fn row_1_nonces_are_unpadded_base64url_and_unlike_each_other() {
    let mint = mint();
    let nonces: HashSet<String> = (0..1000).map(|_| mint.mint(NOW)).collect();
    assert_eq!(nonces.len(), 1000);
    for nonce in &nonces {
        assert_eq!(base64url::decode(nonce, "the nonce").unwrap().len(), 32);
    }
    let mut beginnings: Vec<&str> = nonces.iter().map(|n| &n[..8]).collect();
    beginnings.sort_unstable();
    beginnings.dedup();
    assert!(beginnings.len() > 990, "no part of a nonce shows a counter");
}

#[test]
fn a_nonce_opens_to_what_was_put_in() {
    let mint = mint();
    let later = NOW + Duration::from_micros(1_500_000);
    for expected in 0..5 {
        let opened = mint.open(&mint.mint(later), later).unwrap();
        assert_eq!((opened.epoch, opened.counter), (mint.epoch(), expected));
        assert_eq!(opened.issued_at, later.truncated_to_second());
        assert_eq!(opened.expires_at(), opened.issued_at + NonceMint::LIFETIME);
    }
}

#[test]
fn row_40_not_base64url_is_told_apart() {
    let mint = mint();
    for wrong in ["a=", "a+/b", "ä", "A", "AB"] {
        assert_eq!(mint.open(wrong, NOW), Err(NonceError::NotBase64Url), "{wrong}");
    }
}

#[test]
fn row_41_unknown_forged_and_expired_nonces_are_refused() {
    let mint = mint();
    for wrong in ["", "AA", "bm9uY2U", &"A".repeat(43), &"A".repeat(4000)] {
        assert_eq!(mint.open(wrong, NOW), Err(NonceError::Unknown), "{wrong}");
    }
    let nonce = mint.mint(NOW);
    let octets = base64url::decode(&nonce, "the nonce").unwrap();
    for bit in 0..256 {
        let mut forged = octets.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(mint.open(&base64url::encode(forged), NOW), Err(NonceError::Unknown));
    }
    assert!(NonceMint::new(&[8; 32], &SystemEntropy).open(&nonce, NOW).is_err());

    let second = Duration::from_secs(1);
    assert!(mint.open(&nonce, NOW + NonceMint::LIFETIME).is_ok());
    assert_eq!(mint.open(&nonce, NOW + NonceMint::LIFETIME + second), Err(NonceError::Expired));
    assert!(mint.open(&nonce, NOW - NonceMint::MAX_SKEW).is_ok());
    assert_eq!(mint.open(&nonce, NOW - NonceMint::MAX_SKEW - second), Err(NonceError::Expired));
}

#[test]
fn row_41_a_nonce_is_good_once() {
    let mint = mint();
    let window = NonceWindow::new(&mint);
    let nonces: Vec<_> = (0..500).map(|_| mint.open(&mint.mint(NOW), NOW).unwrap()).collect();
    // In any order.
    for nonce in nonces.iter().step_by(2).chain(nonces.iter().skip(1).step_by(2)) {
        assert!(window.redeem(nonce));
    }
    assert!(!nonces.iter().any(|nonce| window.redeem(nonce)));
}

#[test]
fn row_42_exactly_one_of_concurrent_uses_wins() {
    let mint = mint();
    let window = NonceWindow::new(&mint);
    let nonces: Vec<_> = (0..5000).map(|_| mint.open(&mint.mint(NOW), NOW).unwrap()).collect();
    let wins = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let won = nonces.iter().filter(|nonce| window.redeem(nonce)).count();
                wins.fetch_add(won, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(wins.into_inner(), nonces.len());
}

#[test]
fn row_44_a_nonce_of_another_replica_opens_but_is_not_in_this_window() {
    let (a, b) = (mint(), mint());
    assert_ne!(a.epoch(), b.epoch());
    let nonce = b.open(&a.mint(NOW), NOW).unwrap();
    assert_eq!(nonce.epoch, a.epoch());
    assert!(!NonceWindow::new(&b).redeem(&nonce));
    assert!(NonceWindow::new(&a).redeem(&nonce));
    let other = b.open(&b.mint(NOW), NOW).unwrap();
    assert_ne!(nonce.id(), other.id());
}

#[test]
fn the_window_forgets_what_is_too_old_and_nothing_else() {
    let mint = mint();
    let window = NonceWindow::with_capacity(&mint, 256);
    let nonces: Vec<_> = (0..2000).map(|_| mint.open(&mint.mint(NOW), NOW).unwrap()).collect();
    assert!(window.redeem(&nonces[0]));
    assert!(window.redeem(&nonces[300]));
    // Counter 300 is in word 4; four words reach back to word 1, which starts with 64.
    assert!(!window.redeem(&nonces[0]));
    assert!(!window.redeem(&nonces[63]));
    assert!(window.redeem(&nonces[64]));
    assert!(!window.redeem(&nonces[64]));
    assert!(!window.redeem(&nonces[300]));
    // A step over the whole ring leaves no old bit behind.
    assert!(window.redeem(&nonces[1999]));
    assert!(nonces[1792..1999].iter().all(|nonce| window.redeem(nonce)));
    assert!(!nonces.iter().any(|nonce| window.redeem(nonce)));
}
