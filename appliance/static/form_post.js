// Sends the one form of the page on by itself. Without this script somebody presses its button.
"use strict";

document.querySelector("form[data-sends-itself]")?.submit();
