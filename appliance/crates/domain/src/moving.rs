//! Another host name for a house that people live in.
//!
//! For a time that the owner sets the house answers to both names: apps go on with the issuer that they know, and passkeys of
//! the old name (their RP ID, WebAuthn Level 3 section 5.11) still prove something. One former name at a time: it ends, or the
//! house goes back to it, before there is another.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::host::Host;
use crate::time::{Span, Timestamp};

/// The shortest time for which a former name is served, from the move on.
pub const SHORTEST: Span = Span::days(1);
/// The longest: certificates and apps' settings are looked at once a year.
pub const LONGEST: Span = Span::days(400);
/// What most houses need: long enough for everybody to sign in once.
pub const USUAL: Span = Span::days(90);
/// Most names that are remembered as left.
const MAX_LEFT: usize = 16;

/// The name that the house had before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Former {
    /// The name.
    pub host: Host,
    /// When the house left it.
    pub moved_at: Timestamp,
    /// From when on it is not served.
    pub until: Timestamp,
    /// Whether it was ended, or was seen to be over: then no clock brings it back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
}

impl Former {
    /// Whether it is served.
    pub fn holds(&self, now: Timestamp) -> bool {
        !self.over && now < self.until
    }
}

/// All moves so far, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moves {
    /// The first name: passkeys that do not say otherwise belong to it.
    pub first: Host,
    /// Every name that was left, the last one last. A configuration file may still say one of them.
    pub left: Vec<Host>,
    /// The name that was left last.
    pub former: Former,
}

impl Moves {
    /// The last move in other words: a name that is over.
    #[must_use]
    pub fn ended(self) -> Self {
        Self { former: Former { over: true, ..self.former }, ..self }
    }

    /// Whether the house was called that before.
    pub fn knows(&self, host: &Host) -> bool {
        self.left.contains(host)
    }
}

/// What an owner wants.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The name to have; the present one to change only the time.
    pub host: &'a Host,
    /// For how long, from the move on, the name before it is served as well.
    pub lifetime: Span,
}

/// What becomes of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// It is so already.
    Nothing,
    /// The house has that name from now on.
    Move(Moves),
    /// The former name is served for longer, or for shorter.
    Retime(Moves),
}

/// Why a name cannot be had; the text says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveRefusal {
    /// Every new box answers to it.
    Provisional,
    /// Nobody named the house yet.
    Unnamed,
    /// Too short or too long.
    Lifetime,
    /// There is a former name already.
    OneAtATime(Former),
    /// It is called that, and never was otherwise.
    SameName,
    /// The time is over, or would be over with that length.
    Over(Host),
}

impl fmt::Display for MoveRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shortest, longest) = (SHORTEST.as_seconds() / 86_400, LONGEST.as_seconds() / 86_400);
        match self {
            Self::Provisional => write!(f, "every new box answers to {}; choose another name", Host::PROVISIONAL),
            Self::Unnamed => f.write_str("the house has no name yet; the setup gives it one"),
            Self::Lifetime => {
                write!(f, "the former name can be served for {shortest} to {longest} days, counted from the move")
            }
            Self::OneAtATime(former) => write!(
                f,
                "the house still answers to {} as well; end that first (latchkey domain end), or move back to it",
                former.host
            ),
            Self::SameName => f.write_str("the house is called that already"),
            Self::Over(host) => {
                write!(f, "the time of {host} is over with that; end it with latchkey domain end, or move back to it")
            }
        }
    }
}

/// Decides what becomes of a wish. Repeating one changes nothing: the time counts from the move on, not from now on.
pub fn plan(current: &Host, moves: Option<&Moves>, wish: Wish<'_>, now: Timestamp) -> Result<Plan, MoveRefusal> {
    if wish.host.is_provisional() {
        return Err(MoveRefusal::Provisional);
    }
    if current.is_provisional() {
        return Err(MoveRefusal::Unnamed);
    }
    if wish.lifetime < SHORTEST || wish.lifetime > LONGEST {
        return Err(MoveRefusal::Lifetime);
    }
    if wish.host == current {
        return moves.ok_or(MoveRefusal::SameName).and_then(|moves| retime(moves, wish.lifetime, now));
    }
    if let Some(moves) = moves.filter(|moves| moves.former.holds(now) && moves.former.host != *wish.host) {
        return Err(MoveRefusal::OneAtATime(moves.former.clone()));
    }
    let mut left = moves.map(|moves| moves.left.clone()).unwrap_or_default();
    left.retain(|host| host != current);
    left.push(current.clone());
    if left.len() > MAX_LEFT {
        left.remove(0);
    }
    Ok(Plan::Move(Moves {
        first: moves.map_or_else(|| current.clone(), |moves| moves.first.clone()),
        left,
        former: Former { host: current.clone(), moved_at: now, until: now + wish.lifetime, over: false },
    }))
}

fn retime(moves: &Moves, lifetime: Span, now: Timestamp) -> Result<Plan, MoveRefusal> {
    let former = Former { until: moves.former.moved_at + lifetime, ..moves.former.clone() };
    if former == moves.former {
        return Ok(Plan::Nothing);
    }
    if !moves.former.holds(now) || !former.holds(now) {
        return Err(MoveRefusal::Over(former.host));
    }
    Ok(Plan::Retime(Moves { former, ..moves.clone() }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const T0: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn host(name: &str) -> Host {
        name.parse().unwrap()
    }

    fn wish(
        current: &str,
        moves: Option<&Moves>,
        (to, days): (&str, i64),
        now: Timestamp,
    ) -> Result<Plan, MoveRefusal> {
        let to = host(to);
        plan(&host(current), moves, Wish { host: &to, lifetime: Span::days(days) }, now)
    }

    fn moved(current: &str, moves: Option<&Moves>, to: (&str, i64), now: Timestamp) -> Moves {
        match wish(current, moves, to, now).unwrap() {
            Plan::Move(moves) => moves,
            other @ (Plan::Nothing | Plan::Retime(_)) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_house_that_moves_answers_to_its_former_name_until_the_day_that_was_set() {
        let moves = moved("a.example", None, ("b.example", 90), T0);
        assert_eq!((&moves.first, &moves.former.host), (&host("a.example"), &host("a.example")));
        assert!(moves.former.holds(T0 + Span::days(90) - Span::seconds(1)));
        assert!(!moves.former.holds(T0 + Span::days(90)));
    }

    #[test]
    fn what_was_ended_comes_back_with_no_clock_and_no_wish_for_more_time() {
        let moves = moved("a.example", None, ("b.example", 90), T0).ended();
        assert!(!moves.former.holds(T0));
        assert_eq!(wish("b.example", Some(&moves), ("b.example", 90), T0), Ok(Plan::Nothing));
        assert!(matches!(wish("b.example", Some(&moves), ("b.example", 91), T0), Err(MoveRefusal::Over(_))));
    }

    #[test]
    fn the_time_counts_from_the_move_so_repeating_it_changes_nothing() {
        let moves = moved("a.example", None, ("b.example", 30), T0);
        let later = T0 + Span::days(10);
        assert_eq!(wish("b.example", Some(&moves), ("b.example", 30), later), Ok(Plan::Nothing));
        for days in [11, 400] {
            let Ok(Plan::Retime(longer)) = wish("b.example", Some(&moves), ("b.example", days), later) else {
                panic!("{days}")
            };
            assert_eq!(longer.former.until, T0 + Span::days(days));
        }
        // That day has passed: to end it is another wish.
        assert!(matches!(wish("b.example", Some(&moves), ("b.example", 9), later), Err(MoveRefusal::Over(_))));
    }

    #[test]
    fn there_is_one_former_name_at_a_time() {
        let moves = moved("a.example", None, ("b.example", 30), T0);
        let refused = wish("b.example", Some(&moves), ("c.example", 30), T0 + Span::days(29));
        assert!(matches!(refused, Err(MoveRefusal::OneAtATime(former)) if former.host == host("a.example")));
        let next = moved("b.example", Some(&moves), ("c.example", 30), T0 + Span::days(30));
        assert_eq!((&next.first, &next.former.host), (&host("a.example"), &host("b.example")));
        assert!(next.knows(&host("a.example")) && next.knows(&host("b.example")));
    }

    #[test]
    fn a_house_may_go_back_at_any_time() {
        let moves = moved("a.example", None, ("b.example", 30), T0);
        let back = moved("b.example", Some(&moves), ("a.example", 5), T0 + Span::days(1));
        assert_eq!((&back.first, &back.former.host), (&host("a.example"), &host("b.example")));
        let after_the_end = moved("b.example", Some(&moves.ended()), ("a.example", 5), T0);
        assert!(after_the_end.former.holds(T0));
    }

    #[test]
    fn names_and_times_that_make_no_sense_are_refused_with_what_to_do() {
        for (current, to, why) in [
            ("a.example", ("latchkey.local", 30), "choose another"),
            ("latchkey.local", ("a.example", 30), "setup"),
            ("a.example", ("a.example", 30), "already"),
            ("a.example", ("b.example", 0), "1 to 400 days"),
            ("a.example", ("b.example", 401), "1 to 400 days"),
        ] {
            let said = wish(current, None, to, T0).unwrap_err().to_string();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn moves_read_back_as_written_and_damage_is_an_error() {
        let moves = moved("a.example", None, ("b.example", 30), T0).ended();
        let text = serde_json::to_string(&moves).unwrap();
        assert_eq!(serde_json::from_str::<Moves>(&text).unwrap(), moves);
        for bad in ["{}", "null", &text.replace("a.example", "10.0.0.1"), &text.replace("left", "lost")] {
            assert!(serde_json::from_str::<Moves>(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_wished_the_house_never_has_two_former_names_and_forgets_no_first_one(
            wishes in proptest::collection::vec((0usize..4, 0i64..410, 0i64..200), 1..40)
        ) {
            let names = ["a.example", "b.example", "c.example", "d.example"].map(host);
            let (mut current, mut moves, mut now) = (names[0].clone(), None::<Moves>, T0);
            for (to, days, pass) in wishes {
                now = now + Span::days(pass);
                let wish = Wish { host: &names[to], lifetime: Span::days(days) };
                match plan(&current, moves.as_ref(), wish, now) {
                    Ok(Plan::Move(next)) => {
                        let held = moves.as_ref().filter(|before| before.former.holds(now));
                        prop_assert!(held.is_none_or(|before| before.former.host == names[to]));
                        prop_assert_eq!(&next.former.host, &current);
                        current = names[to].clone();
                        moves = Some(next);
                    }
                    Ok(Plan::Retime(next)) => moves = Some(next),
                    Ok(Plan::Nothing) | Err(_) => {}
                }
                if let Some(moves) = &moves {
                    prop_assert_eq!(&moves.first, &names[0]);
                    prop_assert!(moves.former.host != current && moves.left.len() <= MAX_LEFT);
                    prop_assert!(moves.former.until.since(moves.former.moved_at) <= LONGEST);
                }
            }
        }
    }
}
