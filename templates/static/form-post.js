// Sends the answer of a sign-in back to the application at once; without scripts the button does it.
document.getElementById('form-post').submit()
