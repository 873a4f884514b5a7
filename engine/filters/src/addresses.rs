//! Who may come in, by the client's address.

use glorieta_core::{Error, Kind};
use glorieta_policy::{Access, Networks};

use crate::{Scope, Step};

#[derive(Debug)]
pub struct Addresses(Access);

impl Addresses {
    pub(crate) fn read(plan: &glorieta_plan::AddressesFilter) -> Result<Addresses, String> {
        let read = |texts: &[String]| Networks::parse(texts).map_err(|problem| problem.to_string());
        Ok(Addresses(Access { allow: read(&plan.allow)?, deny: read(&plan.deny)? }))
    }

    pub(crate) fn request(&self, scope: &Scope<'_>) -> Step {
        if self.0.permits(scope.peer.client) {
            return Step::Continue;
        }
        Step::Refuse(Error::because(Kind::Denied, "the client's address"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::with_scope;

    fn passes(allow: &[&str], deny: &[&str], client: Option<&str>) -> bool {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let plan = glorieta_plan::AddressesFilter { allow: texts(allow), deny: texts(deny) };
        let client = client.map(|text| text.parse().unwrap());
        with_scope(client, |scope| matches!(Addresses::read(&plan).unwrap().request(scope), Step::Continue))
    }

    #[test]
    fn deny_wins_and_an_empty_allow_lets_all_in() {
        assert!(passes(&[], &[], Some("1.2.3.4")));
        assert!(passes(&["10.0.0.0/8"], &[], Some("10.1.1.1")));
        assert!(!passes(&["10.0.0.0/8"], &[], Some("11.1.1.1")));
        assert!(!passes(&["10.0.0.0/8"], &["10.1.0.0/16"], Some("10.1.1.1")));
        assert!(!passes(&[], &["::1"], Some("::1")));
    }

    #[test]
    fn a_client_without_an_address_passes_only_where_no_network_is_asked_for() {
        assert!(passes(&[], &["10.0.0.0/8"], None));
        assert!(!passes(&["10.0.0.0/8"], &[], None));
    }
}
