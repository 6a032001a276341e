//! The menu as a pure function: `(menu, line) -> (menu, text, action)`.

/// Owners to choose from, at most: what fits on a screen.
pub(super) const MOST_OWNERS: usize = 9;

/// Where somebody is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Menu {
    /// At the beginning.
    #[default]
    Main,
    /// Choosing an owner.
    Owners(Vec<String>),
    /// About to let that owner back in.
    Recover(String),
    /// About to say what time it is.
    Clock,
    /// About to restart the box.
    Restart,
}

/// What is to be done and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    Banner,
    Status,
    Network,
    Owners,
    Recover(String),
    Clock,
    SetClock(String),
    Restart,
}

/// What can be chosen at the beginning.
pub(super) const CHOICES: &str = concat!(
    "  1  status\n",
    "  2  network\n",
    "  3  let an owner back in who lost everything\n",
    "  4  clock\n",
    "  5  restart the box\n",
);

const SURE: &str = "Type yes and Enter to do it, anything else to leave it.\n";

impl Menu {
    /// What stands before the line.
    pub(super) const fn prompt(&self) -> &'static str {
        match self {
            Self::Main => "1-5> ",
            Self::Owners(_) => "who> ",
            Self::Clock => "time> ",
            Self::Recover(_) | Self::Restart => "yes?> ",
        }
    }

    /// After a line was typed.
    pub(super) fn enter(self, line: &str) -> (Self, String, Action) {
        let line = line.trim();
        match self {
            Self::Main => at_the_beginning(line),
            Self::Owners(names) => {
                let place = line.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
                match place.and_then(|place| names.get(place)) {
                    Some(name) => {
                        let text = format!(
                            "A link is made with which whoever opens it can add a passkey to {name}, an owner of this house.\n\
                             It is shown here, works once, and replaces nothing that {name} still has.\n{SURE}"
                        );
                        (Self::Recover(name.clone()), text, Action::Nothing)
                    }
                    None => nothing_done(),
                }
            }
            Self::Clock if line.is_empty() => nothing_done(),
            Self::Clock => (Self::Main, String::new(), Action::SetClock(line.to_owned())),
            Self::Recover(name) if is_yes(line) => (Self::Main, String::new(), Action::Recover(name)),
            Self::Restart if is_yes(line) => (Self::Main, String::new(), Action::Restart),
            Self::Recover(_) | Self::Restart => nothing_done(),
        }
    }

    /// After the owners were looked up.
    pub(super) fn choose(names: Vec<String>) -> (Self, String) {
        if names.is_empty() {
            return (Self::Main, "Nobody owns this house yet.\n".to_owned());
        }
        let mut text = "Who is to get back in?\n".to_owned();
        for (place, name) in names.iter().enumerate() {
            text.push_str(&format!("  {}  {name}\n", place + 1));
        }
        (Self::Owners(names), text)
    }
}

fn at_the_beginning(line: &str) -> (Menu, String, Action) {
    let action = match line {
        "" => Action::Banner,
        "1" => Action::Status,
        "2" => Action::Network,
        "3" => Action::Owners,
        "4" => {
            let text = "To set it, type the time in UTC as in 2026-12-24T18:00:00Z; Enter alone leaves it.\n";
            return (Menu::Clock, text.to_owned(), Action::Clock);
        }
        "5" => {
            let text = format!("The box restarts; nobody can sign in for a minute or two.\n{SURE}");
            return (Menu::Restart, text, Action::Nothing);
        }
        _ => return (Menu::Main, format!("Type a number and Enter:\n{CHOICES}"), Action::Nothing),
    };
    (Menu::Main, String::new(), action)
}

fn is_yes(line: &str) -> bool {
    line.eq_ignore_ascii_case("yes")
}

fn nothing_done() -> (Menu, String, Action) {
    (Menu::Main, "Nothing was done.\n".to_owned(), Action::Nothing)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owners() -> Menu {
        Menu::choose(vec!["anna".to_owned(), "ben".to_owned()]).0
    }

    #[test]
    fn each_number_is_what_the_menu_says() {
        for (line, action) in
            [("", Action::Banner), ("1", Action::Status), (" 2 ", Action::Network), ("3", Action::Owners)]
        {
            assert_eq!(Menu::Main.enter(line), (Menu::Main, String::new(), action));
        }
        let (menu, text, action) = Menu::Main.enter("6");
        assert!(menu == Menu::Main && text.contains("status") && action == Action::Nothing);
    }

    #[test]
    fn the_clock_is_shown_and_set_by_whoever_types_a_time() {
        let (menu, text, action) = Menu::Main.enter("4");
        assert_eq!((&menu, action), (&Menu::Clock, Action::Clock));
        assert!(text.contains("UTC"));
        assert_eq!(menu.clone().enter(" ").2, Action::Nothing);
        let typed = "2026-12-24T18:00:00Z";
        assert_eq!(menu.enter(typed), (Menu::Main, String::new(), Action::SetClock(typed.to_owned())));
    }

    #[test]
    fn an_owner_gets_back_in_after_a_number_and_a_yes() {
        let (menu, text, action) = owners().enter("2");
        assert_eq!((&menu, action), (&Menu::Recover("ben".to_owned()), Action::Nothing));
        assert!(text.contains("ben") && text.contains("yes"));
        assert_eq!(menu.enter("YES").2, Action::Recover("ben".to_owned()));
    }

    #[test]
    fn anything_but_yes_does_nothing() {
        for line in ["", "y", "no", "yes please", "ye s"] {
            for menu in [Menu::Recover("anna".to_owned()), Menu::Restart] {
                let (after, _, action) = menu.enter(line);
                assert_eq!((after, action), (Menu::Main, Action::Nothing), "{line:?}");
            }
        }
        for line in ["", "0", "3", "-1", "anna", "99999999999999999999"] {
            assert_eq!(owners().enter(line).2, Action::Nothing, "{line:?}");
        }
    }

    #[test]
    fn a_restart_wants_a_yes() {
        let (menu, _, action) = Menu::Main.enter("5");
        assert_eq!((&menu, action), (&Menu::Restart, Action::Nothing));
        assert_eq!(menu.enter("yes").2, Action::Restart);
    }

    #[test]
    fn a_house_without_owners_has_nobody_to_let_in() {
        assert_eq!(Menu::choose(Vec::new()).0, Menu::Main);
    }

    proptest! {
        #[test]
        fn one_line_never_does_what_wants_a_yes(line in "\\PC{0,90}", which in 0..2usize) {
            let menu = if which == 0 { Menu::Main } else { owners() };
            let (_, text, action) = menu.enter(&line);
            prop_assert!(!matches!(action, Action::Restart | Action::Recover(_)));
            prop_assert!(text.len() < 1000);
        }
    }
}
