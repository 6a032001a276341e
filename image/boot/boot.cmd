# What U-Boot runs: which of the two slots, and with what. On a Pi and on QEMU's virt the same.
#
# The choice is kept in the first sector of the partition `bootstate`: one sector, so a write is whole or did not happen, and one
# that cannot be read means slot A. BOOT_ORDER and BOOT_x_LEFT are RAUC's. BOOT_GOOD is the slot that has proven itself; it is
# booted without counting, so that no number of power cuts ever leads away from it. A slot on trial is counted down.

# RAM begins at 0 on a Pi and at 1 GiB on virt. The kernel is 50 MB unpacked: U-Boot's own addresses are too close together.
# What was handed over may lie at 128 MiB (QEMU puts its device tree there), so nothing goes there.
setexpr ram ${kernel_addr_r} \& 0xf0000000
setexpr state_addr ${ram} + 0x05000000
setexpr words_addr ${ram} + 0x05100000
setexpr tree_addr ${ram} + 0x05200000
setexpr kernel_addr ${ram} + 0x0a000000
setexpr initrd_addr ${ram} + 0x0e000000
setexpr kernel_comp_addr_r ${ram} + 0x10000000
setenv kernel_comp_size 0x04000000

setenv BOOT_ORDER
setenv BOOT_A_LEFT
setenv BOOT_B_LEFT
setenv BOOT_GOOD
setenv LATCHKEY_RESET
part start ${devtype} ${devnum} bootstate state_sector
${devtype} dev ${devnum}
${devtype} read ${state_addr} ${state_sector} 1
setenv repair
env import -c ${state_addr} 0x200 BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT BOOT_GOOD LATCHKEY_RESET || setenv repair 1
test -n "${BOOT_ORDER}" || setenv BOOT_ORDER "A B"
test -n "${BOOT_A_LEFT}" || setenv BOOT_A_LEFT 3
test -n "${BOOT_B_LEFT}" || setenv BOOT_B_LEFT 3
test -n "${BOOT_GOOD}" || setenv BOOT_GOOD A

setenv save_state 'env export -c -s 0x200 ${state_addr} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT BOOT_GOOD LATCHKEY_RESET; ${devtype} write ${state_addr} ${state_sector} 1'
# Linux can only change what it can read.
test -z "${repair}" || run save_state

# What the firmware says to the kernel (cmdline.txt, or QEMU's device tree) comes in front of what the slot says.
test -n "${fdt_addr}" || setenv fdt_addr ${fdtcontroladdr}
setenv firmware_words
setenv keep_tree
fdt addr ${fdt_addr}
fdt get value firmware_words /chosen bootargs
fdt get value keep_tree /chosen latchkey,keep-device-tree

# Boots ${slot}; comes back only if that fails before the kernel runs. The device tree is the slot's, unless the firmware's says
# that it wants to be kept (an overlay in config.txt can). A Pi 5 has two, and its bootloader alone knows which.
setenv boot_slot '
part number ${devtype} ${devnum} boot${slot} part;
setenv slot_words;
setenv tree_name ${fdtfile};
if test "${tree_name}" = "broadcom/bcm2711-rpi-cm4.dtb"; then setenv tree_name broadcom/bcm2711-rpi-cm4-io.dtb; fi;
if test "${tree_name}" = "broadcom/bcm2712-rpi-5-b.dtb"; then setenv keep_tree 1; fi;
if load ${devtype} ${devnum}:${part} ${words_addr} bootargs.txt; then
  env import -t ${words_addr} ${filesize} slot_words;
  setenv bootargs "${firmware_words} ${slot_words} rauc.slot=${slot} latchkey.good=${BOOT_GOOD}";
  if test "${LATCHKEY_RESET}" = "1"; then setenv bootargs "${bootargs} latchkey.reset"; fi;
  setenv tree ${fdt_addr};
  if test -z "${keep_tree}"; then
    if load ${devtype} ${devnum}:${part} ${tree_addr} dtb/${tree_name}; then setenv tree ${tree_addr}; fi;
  fi;
  if load ${devtype} ${devnum}:${part} ${kernel_addr} vmlinuz; then
    if load ${devtype} ${devnum}:${part} ${initrd_addr} initrd.img; then
      echo "Latchkey: slot ${slot}, tries left A ${BOOT_A_LEFT}, B ${BOOT_B_LEFT}";
      booti ${kernel_addr} ${initrd_addr}:${filesize} ${tree};
    fi;
  fi;
fi;
echo "Latchkey: slot ${slot} does not boot"'

for candidate in ${BOOT_ORDER}; do
  setenv slot
  if test "${candidate}" = "A"; then if test ${BOOT_A_LEFT} -gt 0; then setenv slot A; fi; fi
  if test "${candidate}" = "B"; then if test ${BOOT_B_LEFT} -gt 0; then setenv slot B; fi; fi
  if test -n "${slot}"; then
    if test "${slot}" != "${BOOT_GOOD}"; then
      if test "${slot}" = "A"; then setexpr BOOT_A_LEFT ${BOOT_A_LEFT} - 1; else setexpr BOOT_B_LEFT ${BOOT_B_LEFT} - 1; fi
      run save_state
    fi
    run boot_slot
  fi
done

setenv slot
# Nothing that may be tried is left: the slot that was good, then whatever there is.
for slot in ${BOOT_GOOD} A B; do run boot_slot; done
echo "Latchkey: neither slot boots. Write the image to the card anew."
sleep 30
reset
