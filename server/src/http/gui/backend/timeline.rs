//! What happened to an order, in the order of time.

use app::views::{Event, Link, Moment, Tone};
use model::{
    AttemptOutcome, Authorization, Challenge, ChallengeStatus, Order, OrderStatus, Timestamp,
    ValidationAttempt,
};

use super::words;
use crate::services::explain::Examined;
use crate::validation::Evidence;

pub fn of_order(order: &Order, all: &[Examined], certificate: Option<&Link>, now: Timestamp) -> Vec<Event> {
    let mut line = Line { day: words::day(order.created_at), now, events: Vec::new() };
    let names: Vec<_> = order.identifiers.iter().map(ToString::to_string).collect();
    let offers = all.iter().map(|examined| offer(&examined.authorization)).collect();
    line.add(order.created_at, Tone::Ok, format!("Order accepted for {}", names.join(", ")), offers);
    for examined in all {
        for (challenge, attempts) in &examined.challenges {
            line.challenge(&name_of(&examined.authorization), challenge, attempts);
        }
    }
    match order.status {
        OrderStatus::Valid => {
            line.add(order.updated_at, Tone::Ok, "Certificate issued".to_owned(), Vec::new());
            if let Some((_, event)) = line.events.last_mut() {
                event.link = certificate.cloned();
            }
        }
        OrderStatus::Processing => {
            line.add(order.updated_at, Tone::Info, "The certificate is being signed".to_owned(), Vec::new());
        }
        OrderStatus::Invalid => {
            let notes = order.error.iter().map(|problem| problem.detail.clone()).collect();
            let told =
                order.error.as_ref().map(|problem| format!("; the client was told `{}`", problem.r#type));
            let what = format!("The order failed{}", told.unwrap_or_default());
            line.add(order.updated_at, Tone::Bad, what, notes);
        }
        OrderStatus::Ready => {
            let what = "Every name is authorized; the client may send its certificate request".to_owned();
            line.add(order.updated_at.max(order.created_at), Tone::Info, what, Vec::new());
        }
        OrderStatus::Pending => {}
    }
    // Stable: what happened at one moment stays as it was added.
    line.events.sort_by_key(|(at, _)| *at);
    line.events.into_iter().map(|(_, event)| event).collect()
}

/// The name as it was ordered.
pub fn name_of(authorization: &Authorization) -> String {
    match authorization.wildcard {
        true => format!("*.{}", authorization.identifier),
        false => authorization.identifier.to_string(),
    }
}

fn offer(authorization: &Authorization) -> String {
    let name = name_of(authorization);
    match (&authorization.offered, &authorization.source_id) {
        (_, Some(_)) => format!("{name}: authorized by an earlier validation"),
        (None, None) => format!("{name}: authorized without a challenge"),
        (Some(kinds), None) => {
            let kinds: Vec<_> = kinds.iter().map(ToString::to_string).collect();
            format!("{name}: offered {}", kinds.join(", "))
        }
    }
}

struct Line {
    /// Events of this day show their time alone.
    day: String,
    now: Timestamp,
    events: Vec<(Timestamp, Event)>,
}

impl Line {
    fn add(&mut self, at: Timestamp, tone: Tone, what: String, notes: Vec<String>) {
        let time = words::time_of_day(at);
        let text = match words::day(at) {
            day if day == self.day => time,
            day => format!("{day} {time}"),
        };
        let at_words = Moment { text, ..words::moment(at, self.now) };
        self.events.push((at, Event { at: at_words, tone, what, link: None, notes }));
    }

    fn challenge(&mut self, name: &str, challenge: &Challenge, attempts: &[ValidationAttempt]) {
        let kind = challenge.kind;
        self.add(challenge.created_at, Tone::Ok, format!("The client chose {kind} for {name}"), Vec::new());
        let mut before = Vec::new();
        for attempt in attempts {
            let (tone, ending) = match attempt.outcome {
                AttemptOutcome::Passed => (Tone::Ok, "control is shown"),
                AttemptOutcome::Retried => (Tone::Warn, "failed; it is tried again"),
                AttemptOutcome::Failed => (Tone::Bad, "failed; the challenge is invalid"),
            };
            let what = format!("Attempt {} of {kind} for {name}: {ending}", attempt.number);
            let found = evidence(attempt);
            let notes = match found == before {
                true => vec!["found the same as the attempt before".to_owned()],
                false => found.clone(),
            };
            self.add(attempt.started_at, tone, what, notes);
            before = found;
        }
        if challenge.status == ChallengeStatus::Processing && challenge.claim.is_none() {
            self.add(challenge.due_at, Tone::Info, format!("Next attempt of {kind} for {name}"), Vec::new());
        }
    }
}

/// What an attempt did, and what it found.
fn evidence(attempt: &ValidationAttempt) -> Vec<String> {
    let mut notes: Vec<_> = attempt.problem.iter().map(|problem| problem.detail.clone()).collect();
    let Ok(evidence) = serde_json::from_value::<Evidence>(attempt.evidence.clone()) else { return notes };
    notes.extend(evidence.steps.iter().map(ToString::to_string));
    if attempt.outcome != AttemptOutcome::Passed && !evidence.expected.is_empty() {
        let read = evidence.read.map_or_else(|| "nothing".to_owned(), |read| format!("`{read}`"));
        notes.push(format!("expected `{}`, read {read}", evidence.expected));
    }
    notes
}
