"""Every page for people, by subject, the admin's pages included. What all of them are built from is in `base`."""
