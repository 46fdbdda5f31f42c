//! Validates answered challenges. Every replica does; a challenge belongs to the one that claimed it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::{Challenge, ProfileId};
use tokio::task::{Id, JoinError, JoinSet};

use crate::core::Core;
use crate::error::Result;
use crate::issuance::validate;
use crate::jobs::Job;

/// How often due challenges are looked for without being told: further attempts, and challenges that were answered
/// through another replica or left by one that died.
pub(super) const START_DUE: Job = Job {
    name: "validate_challenges",
    about: "Begins the attempts to validate challenges that are due; also as soon as one is answered here.",
    every: Duration::from_secs(1),
};

/// Makes every challenge due that a process before this one was at work on; only for a store that no other uses.
pub async fn take_back(core: &Core) -> Result<u64> {
    let now = core.now();
    Ok(core.store.write(move |tx| Box::pin(async move { tx.take_back_challenges(now).await })).await?)
}

pub(super) async fn run(core: Arc<Core>) {
    let mut under_way = UnderWay::default();
    loop {
        core.jobs.run(&core, &START_DUE, under_way.start_due(&core)).await;
        let poll = tokio::time::sleep(START_DUE.every);
        tokio::pin!(poll);
        loop {
            tokio::select! {
                () = core.validation.woken() => break,
                () = &mut poll => break,
                Some(ended) = under_way.tasks.join_next_with_id() => {
                    if under_way.ended(&core, ended) {
                        break;
                    }
                }
            }
        }
    }
}

/// The attempts of this process. Each profile has its own share, so that none can starve another.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<()>,
    profiles: HashMap<Id, ProfileId>,
    counts: HashMap<ProfileId, u32>,
}

impl UnderWay {
    async fn start_due(&mut self, core: &Arc<Core>) -> Result<()> {
        let due = core.store.read().await?.profiles_with_due_challenges(core.now()).await?;
        for profile in due {
            let free = core.validation.concurrency.saturating_sub(self.count(&profile));
            if free == 0 {
                continue;
            }
            for challenge in validate::claim(core, &profile, free).await? {
                let task = self.tasks.spawn(attempt(Arc::clone(core), challenge));
                self.profiles.insert(task.id(), profile.clone());
                *self.counts.entry(profile.clone()).or_default() += 1;
            }
        }
        Ok(())
    }

    fn count(&self, profile: &ProfileId) -> u32 {
        self.counts.get(profile).copied().unwrap_or(0)
    }

    /// Whether the profile of the attempt that ended had no place left, so that more of its challenges may wait.
    fn ended(&mut self, core: &Core, ended: Result<(Id, ()), JoinError>) -> bool {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "an attempt to validate a challenge panicked");
                error.id()
            }
        };
        let Some(profile) = self.profiles.remove(&id) else { return false };
        let before = self.count(&profile);
        match before {
            0 | 1 => drop(self.counts.remove(&profile)),
            more => drop(self.counts.insert(profile, more - 1)),
        }
        before >= core.validation.concurrency
    }
}

/// One attempt, under a lease that is renewed while it lasts.
async fn attempt(core: Arc<Core>, challenge: Challenge) {
    let (id, kind) = (challenge.authorization_id.clone(), challenge.kind);
    let work = validate::attempt(&core, challenge.clone());
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => {
                if let Err(error) = done {
                    // The lease ends by itself, and somebody tries anew.
                    tracing::warn!(authorization.id = %id, challenge = %kind, %error, "an attempt came to nothing");
                }
                return;
            }
            () = tokio::time::sleep(validate::RENEW_EVERY) => {
                if let Ok(false) = validate::keep(&core, &challenge).await {
                    tracing::warn!(authorization.id = %id, challenge = %kind, "the challenge was taken away");
                    return;
                }
            }
        }
    }
}
