//! What can happen at the issuer, whoever asks for it: the change itself, and the events that tell the
//! server of it. Clerk's events come a moment later; here a change counts as done when the server has
//! been told, so that what follows sees it.

use super::{
    Development,
    clients::{Session, SessionStatus},
    objects::{Deleted, MembershipObject, OrganizationObject, SessionEvent, UserObject},
    register::{ADMIN, Membership, NewPerson, Organization, Person, Register},
    webhooks::Message,
};

impl Development {
    /// Somebody new.
    pub(crate) async fn sign_up(&self, new: NewPerson) -> anyhow::Result<Person> {
        let now = self.clock.now();
        let person = self.people.change(|register| register.sign_up(new, now))?;
        let register = self.people.read()?;
        self.webhooks.tell(&[self.user_message("user.created", &person, &register)?]).await;
        Ok(person)
    }

    /// Somebody changes their name. `None` leaves a part as it is, an empty text clears it.
    pub(crate) async fn rename(
        &self,
        user_id: &str,
        first_name: Option<String>,
        last_name: Option<String>,
    ) -> anyhow::Result<Option<Person>> {
        let now = self.clock.now();
        let change = |person: &mut Person| {
            for (part, new) in
                [(&mut person.first_name, first_name), (&mut person.last_name, last_name)]
            {
                if let Some(new) = new {
                    *part = Some(new).filter(|new| !new.is_empty());
                }
            }
        };
        let changed =
            self.people.change(|register| register.change_person(user_id, now, change))?;
        let Some(person) = changed else { return Ok(None) };
        let register = self.people.read()?;
        self.webhooks.tell(&[self.user_message("user.updated", &person, &register)?]).await;
        Ok(Some(person))
    }

    /// Deletes somebody with their sessions and memberships, and answers what is to be told of it;
    /// `None` when there is no such person.
    pub(crate) fn delete_person(&self, user_id: &str) -> anyhow::Result<Option<Vec<Message>>> {
        let before = self.people.read()?;
        let now = self.clock.now();
        let Some(memberships) = self.people.delete(user_id, now)? else { return Ok(None) };
        let ended = self.clients.change(|clients| clients.end_all_of(user_id, now))?;
        let mut messages = Vec::new();
        for membership in &memberships {
            messages.extend(self.membership_message("deleted", membership, &before)?);
        }
        for session in &ended {
            messages.push(session_message(session)?);
        }
        messages.push(Message::new("user.deleted", &Deleted::new("user", user_id))?);
        Ok(Some(messages))
    }

    /// Ends a session; `None` when it is not in use.
    pub(crate) async fn end_session(
        &self,
        session_id: &str,
        status: SessionStatus,
    ) -> anyhow::Result<Option<Session>> {
        let now = self.clock.now();
        let ended = self.clients.change(|clients| clients.end(session_id, status, now))?;
        let Some(session) = ended else { return Ok(None) };
        self.webhooks.tell(&[session_message(&session)?]).await;
        Ok(Some(session))
    }

    /// Makes an organization, whose maker manages it.
    pub(crate) async fn create_organization(
        &self,
        name: &str,
        slug: &str,
        user_id: &str,
    ) -> anyhow::Result<Organization> {
        let now = self.clock.now().timestamp_millis();
        let organization = Organization {
            clerk_id: super::new_id("org"),
            slug: slug.to_owned(),
            name: name.to_owned(),
            created_by: Some(user_id.to_owned()),
            created_at: now,
            updated_at: now,
        };
        let membership = Membership {
            clerk_id: super::new_id("orgmem"),
            organization_id: organization.clerk_id.clone(),
            user_id: user_id.to_owned(),
            role: ADMIN.to_owned(),
            created_at: now,
            updated_at: now,
        };
        let register = self.people.change(|register| {
            register.organizations.push(organization.clone());
            register.memberships.push(membership.clone());
            register.clone()
        })?;
        let mut messages = vec![self.organization_message("created", &organization, &register)?];
        messages.extend(self.membership_message("created", &membership, &register)?);
        self.webhooks.tell(&messages).await;
        Ok(organization)
    }

    /// Gives an organization another name. `None` when there is none.
    pub(crate) async fn rename_organization(
        &self,
        organization_id: &str,
        name: &str,
    ) -> anyhow::Result<Option<Organization>> {
        let now = self.clock.now().timestamp_millis();
        let (changed, register) = self.people.change(|register| {
            let mut all = register.organizations.iter_mut();
            let changed = all.find(|known| known.clerk_id == organization_id).map(|known| {
                name.clone_into(&mut known.name);
                known.updated_at = now.max(known.updated_at + 1);
                known.clone()
            });
            (changed, register.clone())
        })?;
        let Some(organization) = changed else { return Ok(None) };
        let message = self.organization_message("updated", &organization, &register)?;
        self.webhooks.tell(&[message]).await;
        Ok(Some(organization))
    }

    /// Deletes an organization with its memberships.
    pub(crate) async fn delete_organization(&self, organization_id: &str) -> anyhow::Result<()> {
        let before = self.people.read()?;
        self.people.change(|register| {
            register.organizations.retain(|known| known.clerk_id != organization_id);
            register.memberships.retain(|known| known.organization_id != organization_id);
        })?;
        let mut messages = Vec::new();
        for membership in &before.memberships {
            if membership.organization_id == organization_id {
                messages.extend(self.membership_message("deleted", membership, &before)?);
            }
        }
        let deleted = Deleted::new("organization", organization_id);
        messages.push(Message::new("organization.deleted", &deleted)?);
        self.webhooks.tell(&messages).await;
        Ok(())
    }

    /// Makes somebody a member, or gives a member another role.
    pub(crate) async fn set_membership(
        &self,
        organization_id: &str,
        user_id: &str,
        role: &str,
    ) -> anyhow::Result<Membership> {
        let now = self.clock.now().timestamp_millis();
        let (what, membership, register) = self.people.change(|register| {
            let known = register
                .memberships
                .iter_mut()
                .find(|known| known.organization_id == organization_id && known.user_id == user_id);
            let (what, membership) = if let Some(known) = known {
                role.clone_into(&mut known.role);
                known.updated_at = now.max(known.updated_at + 1);
                ("updated", known.clone())
            } else {
                let membership = Membership {
                    clerk_id: super::new_id("orgmem"),
                    organization_id: organization_id.to_owned(),
                    user_id: user_id.to_owned(),
                    role: role.to_owned(),
                    created_at: now,
                    updated_at: now,
                };
                register.memberships.push(membership.clone());
                ("created", membership)
            };
            (what, membership, register.clone())
        })?;
        let messages: Vec<Message> =
            self.membership_message(what, &membership, &register)?.into_iter().collect();
        self.webhooks.tell(&messages).await;
        Ok(membership)
    }

    /// Ends a membership. `None` when there is none.
    pub(crate) async fn delete_membership(
        &self,
        organization_id: &str,
        user_id: &str,
    ) -> anyhow::Result<Option<Membership>> {
        let before = self.people.read()?;
        let Some(membership) = before.membership(organization_id, user_id).cloned() else {
            return Ok(None);
        };
        self.people.change(|register| {
            register.memberships.retain(|known| known.clerk_id != membership.clerk_id);
        })?;
        let messages: Vec<Message> =
            self.membership_message("deleted", &membership, &before)?.into_iter().collect();
        self.webhooks.tell(&messages).await;
        Ok(Some(membership))
    }

    fn user_message(
        &self,
        event: &str,
        person: &Person,
        register: &Register,
    ) -> anyhow::Result<Message> {
        Message::new(event, &UserObject::new(person, register, &self.front_end.url))
    }

    fn organization_message(
        &self,
        what: &str,
        organization: &Organization,
        register: &Register,
    ) -> anyhow::Result<Message> {
        let object = OrganizationObject::new(organization, register, &self.front_end.url);
        Message::new(format!("organization.{what}"), &object)
    }

    fn membership_message(
        &self,
        what: &str,
        membership: &Membership,
        register: &Register,
    ) -> anyhow::Result<Option<Message>> {
        MembershipObject::new(membership, register, &self.front_end.url)
            .map(|object| Message::new(format!("organizationMembership.{what}"), &object))
            .transpose()
    }
}

fn session_message(session: &Session) -> anyhow::Result<Message> {
    let event = format!("session.{}", session.status.as_str());
    Message::new(event, &SessionEvent::new(session))
}
