//! The legal moves of RFC 8555 §7.1.6. Staying where one is, is no move.

use model::{AccountStatus, AuthorizationStatus, OrderStatus};

use crate::ChallengeStatus;

/// An order also becomes invalid when it expires or loses an authorization.
const ORDER: &[(OrderStatus, &[OrderStatus])] = &[
    (OrderStatus::Pending, &[OrderStatus::Ready, OrderStatus::Invalid]),
    (OrderStatus::Ready, &[OrderStatus::Processing, OrderStatus::Invalid]),
    (OrderStatus::Processing, &[OrderStatus::Valid, OrderStatus::Invalid]),
    (OrderStatus::Valid, &[]),
    (OrderStatus::Invalid, &[]),
];

const AUTHORIZATION: &[(AuthorizationStatus, &[AuthorizationStatus])] = &[
    (
        AuthorizationStatus::Pending,
        &[
            AuthorizationStatus::Valid,
            AuthorizationStatus::Invalid,
            AuthorizationStatus::Deactivated,
            AuthorizationStatus::Expired,
            AuthorizationStatus::Revoked,
        ],
    ),
    (
        AuthorizationStatus::Valid,
        &[AuthorizationStatus::Deactivated, AuthorizationStatus::Expired, AuthorizationStatus::Revoked],
    ),
    (AuthorizationStatus::Invalid, &[]),
    (AuthorizationStatus::Deactivated, &[]),
    (AuthorizationStatus::Expired, &[]),
    (AuthorizationStatus::Revoked, &[]),
];

const CHALLENGE: &[(ChallengeStatus, &[ChallengeStatus])] = &[
    (ChallengeStatus::Pending, &[ChallengeStatus::Processing]),
    (ChallengeStatus::Processing, &[ChallengeStatus::Valid, ChallengeStatus::Invalid]),
    (ChallengeStatus::Valid, &[]),
    (ChallengeStatus::Invalid, &[]),
];

/// Suspension is ours and can be taken back; to clients it is the `revoked` of the RFC, where the server has shut the
/// account.
const ACCOUNT: &[(AccountStatus, &[AccountStatus])] = &[
    (AccountStatus::Valid, &[AccountStatus::Deactivated, AccountStatus::Suspended]),
    (AccountStatus::Suspended, &[AccountStatus::Valid, AccountStatus::Deactivated]),
    (AccountStatus::Deactivated, &[]),
];

pub fn order_may_become(from: OrderStatus, to: OrderStatus) -> bool {
    leads(ORDER, from, to)
}

pub fn authorization_may_become(from: AuthorizationStatus, to: AuthorizationStatus) -> bool {
    leads(AUTHORIZATION, from, to)
}

pub fn challenge_may_become(from: ChallengeStatus, to: ChallengeStatus) -> bool {
    leads(CHALLENGE, from, to)
}

pub fn account_may_become(from: AccountStatus, to: AccountStatus) -> bool {
    leads(ACCOUNT, from, to)
}

fn leads<S: Copy + PartialEq>(moves: &[(S, &[S])], from: S, to: S) -> bool {
    moves.iter().any(|(state, next)| *state == from && next.contains(&to))
}
