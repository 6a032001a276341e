# So that `latchkey` finds the server from every shell of the box.
export LATCHKEY_SOCKET=/run/latchkey/latchkey.sock
