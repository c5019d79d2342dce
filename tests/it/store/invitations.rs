//! Invitations: what a row keeps, who is shown it, and from when on it is not found.

use chrono::TimeDelta;
use mission_control::{
    model::{Invitation, InvitationId, OrganizationId, Role, UserId},
    store::{
        Store,
        invitations::{
            count_invitations, delete_invitation, delete_invitation_for, expire_invitations,
            find_invitation, find_invitation_by_hash, insert_invitation, load_invitations_for,
            load_invitations_into,
        },
        organizations::delete_organization,
        users::delete_user,
    },
};

use super::sample::{at, commit, member, nameless, organization, read, rows, user, user_as};
use crate::support::both;

fn invitation(organization_id: OrganizationId, email: &str, by: UserId, made: i64) -> Invitation {
    Invitation {
        id: InvitationId::generate(),
        organization_id,
        email: email.to_owned(),
        role: Role::Admin,
        created_by: Some(by),
        created_at: at(made),
        expires_at: at(made) + TimeDelta::days(7),
    }
}

async fn team(store: &Store) -> (OrganizationId, UserId) {
    let ada = user(store, "user_a").await;
    let team = organization(store, None).await;
    member(store, team, ada, Role::Owner, at(0)).await;
    (team, ada)
}

both! {
    async fn an_invitation_is_found_as_it_was_stored_until_it_expires(database) {
        let store = &database.store;
        let (team, ada) = team(store).await;
        let one = invitation(team, "x@example.com", ada, 500_000);
        commit!(store, conn => insert_invitation(conn, &one, "hash"));
        let last = one.expires_at - TimeDelta::microseconds(1);
        for now in [at(0), last] {
            assert_eq!(read!(store, conn => find_invitation(conn, one.id, now)).unwrap(), Some(one.clone()));
            assert_eq!(read!(store, conn => find_invitation_by_hash(conn, "hash", now)).unwrap(), Some(one.clone()));
            assert_eq!(read!(store, conn => count_invitations(conn, team, now)).unwrap(), 1);
            for shown in [
                read!(store, conn => load_invitations_into(conn, ada, &[team], now)).unwrap(),
                read!(store, conn => load_invitations_for(conn, "x@example.com", now)).unwrap(),
            ] {
                assert_eq!((shown.len(), &shown[0].invitation), (1, &one));
                assert_eq!((shown[0].organization_name.as_str(), shown[0].invited_by.as_deref()), ("Sample", Some("User")));
            }
        }
        let now = one.expires_at;
        assert_eq!(read!(store, conn => find_invitation(conn, one.id, now)).unwrap(), None);
        assert_eq!(read!(store, conn => find_invitation_by_hash(conn, "hash", now)).unwrap(), None);
        assert_eq!(read!(store, conn => count_invitations(conn, team, now)).unwrap(), 0);
        assert!(read!(store, conn => load_invitations_into(conn, ada, &[team], now)).unwrap().is_empty());
        assert!(read!(store, conn => load_invitations_for(conn, "x@example.com", now)).unwrap().is_empty());
        for hash in ["", "HASH", "hash ", "has"] {
            assert_eq!(read!(store, conn => find_invitation_by_hash(conn, hash, at(0))).unwrap(), None);
        }
        assert_eq!(commit!(store, conn => expire_invitations(conn, last)), 0);
        assert_eq!(commit!(store, conn => expire_invitations(conn, now)), 1);
    }
}

both! {
    async fn only_owners_and_admins_are_shown_those_of_their_organizations_newest_first(database) {
        let store = &database.store;
        let (first, ada) = team(store).await;
        let second = organization(store, None).await;
        let people = [("user_b", Role::Admin, 2), ("user_c", Role::Member, 0)];
        for (time, (number, email)) in [(0, "b@x.test"), (0, "c@x.test"), (1, "a@x.test")].into_iter().enumerate() {
            let one = invitation(first, email, ada, number);
            commit!(store, conn => insert_invitation(conn, &one, &format!("{time}")));
        }
        let one = invitation(second, "a@x.test", ada, 2);
        commit!(store, conn => insert_invitation(conn, &one, "other"));
        let teams = [first, second];
        let seen = |viewer| read_emails(store, viewer, teams);
        for (name, role, _) in people {
            let person = user(store, name).await;
            member(store, first, person, role, at(0)).await;
            let expected: &[&str] = if role == Role::Admin { &["a@x.test", "c@x.test", "b@x.test"] } else { &[] };
            assert_eq!(seen(person).await, expected, "{role:?}");
        }
        assert_eq!(seen(ada).await, ["a@x.test", "c@x.test", "b@x.test"]);
        assert_eq!(seen(user(store, "user_d").await).await, Vec::<String>::new());
        let both = read!(store, conn => load_invitations_for(conn, "a@x.test", at(2))).unwrap();
        let into: Vec<_> = both.iter().map(|row| row.invitation.organization_id).collect();
        assert_eq!(into, [second, first]);
        assert!(read!(store, conn => load_invitations_into(conn, ada, &[], at(2))).unwrap().is_empty());
    }
}

async fn read_emails(store: &Store, viewer: UserId, teams: [OrganizationId; 2]) -> Vec<String> {
    let rows = read!(store, conn => load_invitations_into(conn, viewer, &teams, at(2))).unwrap();
    rows.iter().map(|row| row.invitation.email.clone()).collect()
}

both! {
    async fn one_for_each_address_and_they_go_with_their_organization_but_not_with_their_maker(database) {
        let store = &database.store;
        let (team, ada) = team(store).await;
        let bob = user_as(store, &nameless("user_b")).await;
        member(store, team, bob, Role::Admin, at(0)).await;
        let one = invitation(team, "x@example.com", bob, 0);
        commit!(store, conn => insert_invitation(conn, &one, "1"));
        let again = invitation(team, "x@example.com", ada, 1);
        let mut tx = store.begin().await.unwrap();
        assert!(insert_invitation(tx.conn(), &again, "2").await.is_err(), "one for each address");
        drop(tx);
        let other = organization(store, None).await;
        let same = invitation(other, "y@example.com", bob, 1);
        let mut tx = store.begin().await.unwrap();
        assert!(insert_invitation(tx.conn(), &same, "1").await.is_err(), "one for each token");
        drop(tx);
        assert!(!commit!(store, conn => delete_invitation_for(conn, other, "x@example.com")));
        assert!(commit!(store, conn => delete_invitation_for(conn, team, "x@example.com")));
        commit!(store, conn => insert_invitation(conn, &one, "1"));
        commit!(store, conn => delete_user(conn, bob));
        let shown = read!(store, conn => load_invitations_into(conn, ada, &[team], at(1))).unwrap();
        assert_eq!((shown[0].invitation.created_by, shown[0].invited_by.as_deref()), (None, None));
        assert!(commit!(store, conn => delete_invitation(conn, one.id)));
        assert!(!commit!(store, conn => delete_invitation(conn, one.id)), "once");
        let last = Invitation { created_by: None, ..one };
        commit!(store, conn => insert_invitation(conn, &last, "1"));
        commit!(store, conn => delete_organization(conn, team));
        assert_eq!(rows(&database).await, [("organizations", 1), ("users", 1)]);
        assert!(!format!("{last:?}").contains('@'), "addresses do not get into logs");
    }
}
