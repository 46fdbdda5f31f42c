use model::{
    AuthorizationId, Challenge, ChallengeKind, ChallengeStatus, OrderId, ProfileId, StoredProblem, Timestamp,
};

use crate::engine::{Row, Value, args};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "authorization_id, kind, profile_id, status, error, attempts, due_at, claim, validated_at, created_at, \
         updated_at"
    };
}

impl Reader {
    /// Those that were answered.
    pub async fn challenges_of_authorization(
        &mut self,
        id: &AuthorizationId,
    ) -> Result<Vec<Challenge>, StoreError> {
        let sql =
            concat!("SELECT ", columns!(), " FROM challenges WHERE authorization_id = $1 ORDER BY kind");
        self.fetch_all(sql, args![id]).await?.iter().map(challenge).collect()
    }

    /// Those that were answered, of all authorizations of the order.
    pub async fn challenges_of_order(&mut self, order: &OrderId) -> Result<Vec<Challenge>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM challenges WHERE authorization_id IN (SELECT id FROM authorizations WHERE order_id = $1) \
             ORDER BY authorization_id, kind"
        );
        self.fetch_all(sql, args![order]).await?.iter().map(challenge).collect()
    }

    /// By which challenge each authorization of the order became valid, itself or by the one that it owes that to;
    /// without those that were born valid by other means.
    pub async fn challenges_that_validated(
        &mut self,
        order: &OrderId,
    ) -> Result<Vec<(AuthorizationId, ChallengeKind)>, StoreError> {
        let rows = self
            .fetch_all(
                "SELECT a.id, c.kind FROM authorizations a \
                 JOIN challenges c ON c.authorization_id = COALESCE(a.source_id, a.id) \
                 WHERE a.order_id = $1 AND c.status = 'valid'",
                args![order],
            )
            .await?;
        let pair = |row: &Row| {
            let row = row.of("challenges");
            Ok((row.parse("id")?, row.parse("kind")?))
        };
        rows.iter().map(pair).collect()
    }

    /// The profiles of which a challenge is due, by id.
    pub async fn profiles_with_due_challenges(
        &mut self,
        now: Timestamp,
    ) -> Result<Vec<ProfileId>, StoreError> {
        // From profile to profile along the index, so that a profile with many challenges costs as much as one with
        // few.
        let rows = self
            .fetch_all(
                "WITH RECURSIVE waiting (profile_id) AS ( \
                 SELECT MIN(profile_id) FROM challenges WHERE status = 'processing' \
                 UNION ALL \
                 SELECT (SELECT MIN(c.profile_id) FROM challenges c WHERE c.status = 'processing' \
                 AND c.profile_id > waiting.profile_id) FROM waiting WHERE waiting.profile_id IS NOT NULL) \
                 SELECT profile_id FROM waiting WHERE profile_id IS NOT NULL AND EXISTS \
                 (SELECT 1 FROM challenges c WHERE c.status = 'processing' AND c.profile_id = waiting.profile_id \
                 AND c.due_at <= $1) ORDER BY profile_id",
                args![now],
            )
            .await?;
        rows.iter().map(|row| row.of("challenges").parse("profile_id")).collect()
    }

    /// How many challenges are `processing`.
    pub async fn count_processing_challenges(&mut self) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) AS n FROM challenges WHERE status = 'processing'";
        let row = self.fetch_optional(sql, args![]).await?;
        row.map_or(Ok(0), |row| row.of("challenges").int("n"))
    }
}

impl Tx {
    /// `pending`, which has no row, → `processing`, due at once; `false` when it was answered before, or the
    /// authorization is not `pending` (any more).
    pub async fn start_challenge(
        &mut self,
        authorization: &AuthorizationId,
        kind: ChallengeKind,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changed(
            "INSERT INTO challenges (authorization_id, kind, profile_id, status, attempts, due_at, created_at, \
             updated_at) SELECT id, $2, profile_id, 'processing', 0, $3, $3, $3 FROM authorizations \
             WHERE id = $1 AND status = 'pending' AND expires_at > $3 ON CONFLICT DO NOTHING",
            args![authorization, kind, now],
        )
        .await
    }

    /// Hands due challenges of the profile to whoever calls itself `claim`, until `until`; at most `limit`, those
    /// first that wait longest. Of several callers one gets a challenge.
    pub async fn claim_challenges(
        &mut self,
        profile: &ProfileId,
        claim: &str,
        until: Timestamp,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Challenge>, StoreError> {
        // The conditions stand twice because another replica may have been faster than this statement.
        let sql = concat!(
            "UPDATE challenges SET claim = $2, due_at = $3, updated_at = $4 \
             WHERE status = 'processing' AND due_at <= $4 AND (authorization_id, kind) IN \
             (SELECT authorization_id, kind FROM challenges WHERE status = 'processing' AND profile_id = $1 \
             AND due_at <= $4 ORDER BY due_at LIMIT $5) RETURNING ",
            columns!()
        );
        let args = args![profile, claim, until, now, i64::from(limit)];
        self.fetch_all(sql, args).await?.iter().map(challenge).collect()
    }

    /// Keeps a challenge in the hands of `claim` until `until`; `false` when it is not (any more).
    pub async fn keep_challenge(
        &mut self,
        authorization: &AuthorizationId,
        kind: ChallengeKind,
        claim: &str,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE challenges SET due_at = $4 \
             WHERE authorization_id = $1 AND kind = $2 AND status = 'processing' AND claim = $3",
            args![authorization, kind, claim, until],
        )
        .await
    }

    /// Ends the claim after `attempts` attempts; the challenge stays `processing`, shows `error` and is due at
    /// `due_at`. `false` when it is not in the hands of `claim`.
    #[expect(clippy::too_many_arguments, reason = "one row's columns")]
    pub async fn retry_challenge(
        &mut self,
        authorization: &AuthorizationId,
        kind: ChallengeKind,
        claim: &str,
        attempts: u32,
        error: Option<&StoredProblem>,
        due_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE challenges SET claim = NULL, attempts = $4, error = $5, due_at = $6, updated_at = $7 \
             WHERE authorization_id = $1 AND kind = $2 AND status = 'processing' AND claim = $3",
            args![authorization, kind, claim, i64::from(attempts), Value::json_opt(error)?, due_at, now],
        )
        .await
    }

    /// `processing` → `valid` (without `error`) or `invalid` for the challenge in the hands of `claim`; all others
    /// of its authorization that are `processing` → `invalid`, as nobody needs them any more. `false`, and nothing
    /// is changed, when it is not in the hands of `claim`.
    pub async fn finish_challenge(
        &mut self,
        authorization: &AuthorizationId,
        kind: ChallengeKind,
        claim: &str,
        attempts: u32,
        error: Option<&StoredProblem>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let status = if error.is_some() { ChallengeStatus::Invalid } else { ChallengeStatus::Valid };
        let rows = self
            .fetch_all(
                "UPDATE challenges SET claim = NULL, updated_at = $7, \
                 status = CASE WHEN kind = $2 THEN $4 ELSE 'invalid' END, \
                 attempts = CASE WHEN kind = $2 THEN $5 ELSE attempts END, \
                 error = CASE WHEN kind = $2 THEN $6 ELSE error END, \
                 validated_at = CASE WHEN kind = $2 AND $4 = 'valid' THEN $7 END \
                 WHERE authorization_id = $1 AND status = 'processing' AND EXISTS \
                 (SELECT 1 FROM challenges c WHERE c.authorization_id = $1 AND c.kind = $2 \
                 AND c.status = 'processing' AND c.claim = $3) RETURNING kind",
                args![authorization, kind, claim, status, i64::from(attempts), Value::json_opt(error)?, now],
            )
            .await?;
        for row in &rows {
            if row.of("challenges").parse::<ChallengeKind>("kind")? == kind {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// `processing` → `invalid` for all challenges of the authorization: it has ended by other means.
    pub async fn end_challenges(
        &mut self,
        authorization: &AuthorizationId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE challenges SET status = 'invalid', claim = NULL, updated_at = $2 \
                   WHERE authorization_id = $1 AND status = 'processing'";
        self.execute(sql, args![authorization, now]).await.map(drop)
    }

    /// Makes every challenge that somebody has claimed due at once. Only for when nobody can be at work on any.
    /// Returns how many.
    pub async fn take_back_challenges(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let sql = "UPDATE challenges SET claim = NULL, due_at = $1, updated_at = $1 \
                   WHERE status = 'processing' AND claim IS NOT NULL";
        self.execute(sql, args![now]).await
    }
}

fn challenge(row: &Row) -> Result<Challenge, StoreError> {
    let row = row.of("challenges");
    Ok(Challenge {
        authorization_id: row.parse("authorization_id")?,
        kind: row.parse("kind")?,
        profile_id: row.parse("profile_id")?,
        status: row.parse("status")?,
        error: row.json_opt("error")?,
        attempts: row.uint("attempts")?,
        due_at: row.time("due_at")?,
        claim: row.string_opt("claim")?,
        validated_at: row.time_opt("validated_at")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
