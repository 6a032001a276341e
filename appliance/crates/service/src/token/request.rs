//! The token request as it comes in (RFC 6749 sections 4.1.3, 4.4.2 and 6), and questions about a token (RFC 7662 section 2.1,
//! RFC 7009 section 2.1).

use domain::secret::Secret;

use super::TokenRefusal;
use super::client::ClientCredentials;
use crate::doctor::{Asked, Step};

/// Most bytes of one parameter; codes and tokens of ours are shorter.
const MAX_VALUE: usize = 1024;

/// Most bytes of a token that is asked about: a JWT is long.
const MAX_TOKEN: usize = 8 * 1024;

/// The parameters, not yet believed.
#[derive(Debug)]
pub struct TokenRequest {
    pub(super) grant_type: String,
    pub(super) client: ClientCredentials,
    pub(super) code: Option<Secret<String>>,
    pub(super) redirect_uri: Option<String>,
    pub(super) code_verifier: Option<Secret<String>>,
    pub(super) refresh_token: Option<Secret<String>>,
    pub(super) scope: Option<String>,
    pub(super) device_code: Option<Secret<String>>,
    pub(super) exchange: Exchange,
    /// A proof that the client holds a key.
    pub(super) proof: Option<String>,
}

/// What RFC 8693 section 2.1 adds.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) subject_token: Option<Secret<String>>,
    pub(super) subject_token_type: Option<String>,
    pub(super) requested_token_type: Option<String>,
    pub(super) audience: Option<String>,
    /// Whether a resource was named by its address; apps here have names.
    pub(super) by_resource: bool,
    /// Whether somebody was named who acts for the subject.
    pub(super) by_actor: bool,
}

/// A question about a token, or the wish to end it; not yet believed.
#[derive(Debug)]
pub struct TokenQuery {
    pub(super) client: ClientCredentials,
    pub(super) token: Secret<String>,
}

impl TokenQuery {
    /// From the decoded pairs of the form and the `Authorization` header, as strict as [`TokenRequest::parse`].
    /// `token_type_hint` is ignored, as RFC 7009 section 2.1 allows: a token of ours says itself of which kind it is.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        authorization: Option<&str>,
    ) -> Result<Self, TokenRefusal> {
        let pairs: Vec<_> = pairs.into_iter().collect();
        let form = Form::read(pairs.iter().copied())?;
        let client = ClientCredentials::parse(pairs, authorization)?;
        let token = form.token.map(Secret::new).ok_or(TokenRefusal::InvalidRequest("token is missing"))?;
        Ok(Self { client, token })
    }

    /// Who asks.
    pub fn client(&self) -> &ClientCredentials {
        &self.client
    }
}

/// What a device asks with (RFC 8628 section 3.1), not yet believed.
#[derive(Debug)]
pub struct DeviceAuthorizationRequest {
    pub(crate) client: ClientCredentials,
    pub(crate) scope: Option<String>,
}

impl TokenRequest {
    /// From the decoded pairs of the form and the `Authorization` header. Unknown parameters are ignored, empty ones as well;
    /// a repeated one is an error (RFC 6749 section 3.2).
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        authorization: Option<&str>,
    ) -> Result<Self, TokenRefusal> {
        let pairs: Vec<_> = pairs.into_iter().collect();
        let form = Form::read(pairs.iter().copied())?;
        let client = ClientCredentials::parse(pairs, authorization)?;
        Ok(Self {
            grant_type: form.grant_type.ok_or(TokenRefusal::InvalidRequest("grant_type is missing"))?,
            client,
            code: form.code.map(Secret::new),
            redirect_uri: form.redirect_uri,
            code_verifier: form.code_verifier.map(Secret::new),
            refresh_token: form.refresh_token.map(Secret::new),
            scope: form.scope,
            device_code: form.device_code.map(Secret::new),
            exchange: Exchange {
                subject_token: form.subject_token.map(Secret::new),
                subject_token_type: form.subject_token_type,
                requested_token_type: form.requested_token_type,
                audience: form.audience,
                by_resource: form.by_resource,
                by_actor: form.by_actor,
            },
            proof: None,
        })
    }

    /// The same with a proof that the client holds a key: the `DPoP` header (RFC 9449 section 5).
    #[must_use]
    pub fn with_proof(self, proof: Option<String>) -> Self {
        Self { proof, ..self }
    }

    /// Whether there is one.
    pub fn has_proof(&self) -> bool {
        self.proof.is_some()
    }

    /// Who asks.
    pub fn client(&self) -> &ClientCredentials {
        &self.client
    }

    /// `grant_type`.
    pub(crate) fn grant_type(&self) -> &str {
        &self.grant_type
    }

    /// `scope`.
    pub(crate) fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// As far as anybody is told of it.
    pub(super) fn asked(&self) -> Asked<'_> {
        Asked {
            grant_type: &self.grant_type,
            redirect_uri: self.redirect_uri.as_deref(),
            scope: self.scope.as_deref(),
            ..Asked::by(&self.client, Step::Token)
        }
    }
}

impl DeviceAuthorizationRequest {
    /// Who asks.
    pub fn client(&self) -> &ClientCredentials {
        &self.client
    }

    /// The same for the device authorization endpoint.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        authorization: Option<&str>,
    ) -> Result<Self, TokenRefusal> {
        let pairs: Vec<_> = pairs.into_iter().collect();
        let form = Form::read(pairs.iter().copied())?;
        let client = ClientCredentials::parse(pairs, authorization)?;
        Ok(Self { client, scope: form.scope })
    }
}

#[derive(Default)]
struct Form {
    grant_type: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    refresh_token: Option<String>,
    scope: Option<String>,
    device_code: Option<String>,
    subject_token: Option<String>,
    subject_token_type: Option<String>,
    requested_token_type: Option<String>,
    audience: Option<String>,
    by_resource: bool,
    by_actor: bool,
    token: Option<String>,
    token_type_hint: Option<String>,
}

impl Form {
    fn read<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, TokenRefusal> {
        let mut form = Self::default();
        for (name, value) in pairs {
            form.take(name, value)?;
        }
        Ok(form)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), TokenRefusal> {
        let place = match name {
            "grant_type" => &mut self.grant_type,
            "code" => &mut self.code,
            "redirect_uri" => &mut self.redirect_uri,
            "code_verifier" => &mut self.code_verifier,
            "refresh_token" => &mut self.refresh_token,
            "scope" => &mut self.scope,
            "device_code" => &mut self.device_code,
            "subject_token" => &mut self.subject_token,
            "subject_token_type" => &mut self.subject_token_type,
            "requested_token_type" => &mut self.requested_token_type,
            "audience" => &mut self.audience,
            "token" => &mut self.token,
            "token_type_hint" => &mut self.token_type_hint,
            // These may come more than once (RFC 8707 section 2), and what they say is not looked at.
            "resource" => {
                self.by_resource |= !value.is_empty();
                return Ok(());
            }
            "actor_token" => {
                self.by_actor |= !value.is_empty();
                return Ok(());
            }
            _ => return Ok(()),
        };
        keep(place, value, if matches!(name, "token" | "subject_token") { MAX_TOKEN } else { MAX_VALUE })
    }
}

/// Keeps a parameter that comes once (RFC 6749 section 3.2), of at most so many bytes. An empty one is none.
pub(super) fn keep(place: &mut Option<String>, value: &str, most: usize) -> Result<(), TokenRefusal> {
    if place.is_some() {
        return Err(TokenRefusal::InvalidRequest("a parameter was given more than once"));
    }
    if value.len() > most {
        return Err(TokenRefusal::InvalidRequest("a parameter is too long"));
    }
    if !value.is_empty() {
        *place = Some(value.to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_is_refused() {
        let twice = [("grant_type", "x"), ("client_id", "a"), ("code", "1"), ("code", "1")];
        assert!(matches!(TokenRequest::parse(twice, None).unwrap_err(), TokenRefusal::InvalidRequest(_)));
    }

    #[test]
    fn too_long_a_value_is_refused() {
        let long = "x".repeat(MAX_VALUE + 1);
        let pairs = [("grant_type", "x"), ("client_id", "a"), ("code", long.as_str())];
        assert!(matches!(TokenRequest::parse(pairs, None), Err(TokenRefusal::InvalidRequest(_))));
        for (most, fits) in [(MAX_TOKEN, true), (MAX_TOKEN + 1, false)] {
            let long = "x".repeat(most);
            assert_eq!(TokenQuery::parse([("client_id", "a"), ("token", long.as_str())], None).is_ok(), fits);
        }
    }

    #[test]
    fn a_question_names_one_token_and_its_hint_is_not_looked_at() {
        let ask = |pairs: &[(&'static str, &'static str)]| TokenQuery::parse(pairs.iter().copied(), None);
        assert!(ask(&[("client_id", "a"), ("token", "t"), ("token_type_hint", "saml")]).is_ok());
        for bad in [
            vec![("client_id", "a")],
            vec![("client_id", "a"), ("token", "")],
            vec![("client_id", "a"), ("token", "t"), ("token", "u")],
            vec![("client_id", "a"), ("token", "t"), ("token_type_hint", "a"), ("token_type_hint", "b")],
        ] {
            assert!(matches!(ask(&bad).unwrap_err(), TokenRefusal::InvalidRequest(_)), "{bad:?}");
        }
        assert!(matches!(ask(&[("token", "t")]).unwrap_err(), TokenRefusal::InvalidClient { .. }));
    }
}
