// Package django owns what a Django project's users look like outside of Signet: in the tables of its
// database and in what its dumpdata command writes, with the verified addresses of django-allauth. It
// does not know databases' drivers, nor what becomes of the users.
package django
