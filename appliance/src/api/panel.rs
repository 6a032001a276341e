//! What the LED says, and presence at the box.

use domain::indicator::{Active, Indicator};
use serde::{Deserialize, Serialize};

/// How the box is, in the words of the LED.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panel {
    /// The name of the most urgent state: the one that the LED shows.
    pub state: String,
    /// The same for people.
    pub text: String,
    /// All states that hold, the most urgent first.
    pub states: Vec<PanelState>,
    /// Those of them that the panel told itself.
    pub told: Vec<String>,
    /// Changes whenever anything here does; ask with `?seen=` it to wait for that.
    pub version: String,
}

/// A state that holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PanelState {
    /// Its name.
    pub name: String,
    /// What it means.
    pub text: String,
}

/// States that only the panel knows of: a reset that is armed, a button that is stuck.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PanelTold {
    /// Their names.
    pub states: Vec<String>,
}

impl Panel {
    /// In these words.
    pub fn new(active: Active, told: Active) -> Self {
        let highest = active.highest();
        Self {
            state: highest.name().to_owned(),
            text: highest.text(),
            states: active
                .states()
                .map(|state| PanelState { name: state.name().to_owned(), text: state.text() })
                .collect(),
            told: names_of(told),
            version: format!("{}/{}", names(active), names(told)),
        }
    }

    /// The states that hold; a name that is not known here is left out.
    pub fn active(&self) -> Active {
        by_names(self.states.iter().map(|state| state.name.as_str()))
    }
}

fn names(active: Active) -> String {
    active.states().map(Indicator::name).collect::<Vec<_>>().join(".")
}

/// The names of states, without that of the healthy one.
pub fn names_of(active: Active) -> Vec<String> {
    let named = active.states().filter(|state| *state != Indicator::Healthy);
    named.map(|state| state.name().to_owned()).collect()
}

/// The states of these names.
pub fn by_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Active {
    names.into_iter().filter_map(Indicator::by_name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_come_back_from_the_words() {
        let active = Active::NONE.with(Indicator::Unclaimed).with(Indicator::ClockNotTrusted);
        let panel = Panel::new(active, Active::NONE);
        assert_eq!((panel.active(), panel.state.as_str()), (active, "clock-not-trusted"));
        assert_ne!(panel.version, Panel::new(Active::NONE, Active::NONE).version);
        assert_eq!(Panel::new(Active::NONE, Active::NONE).active().highest(), Indicator::Healthy);
    }
}
