// Package templates owns the words and the markup that people read, as embedded templates, and fills
// them: mails in every language that we speak, and pages.
//
// It does not know why a mail is sent or a page shown, nor how either reaches anybody.
package templates
