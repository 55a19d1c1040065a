# U-Boot's script: choose the slot, count a trial down, start its kernel. The slot state is two copies of one 512-byte block
# (CRC32, then NAME=VALUE texts; docs/image.md) in sectors 0x40 and 0x80 of the card, outside every partition. The same format is
# written by /usr/lib/outbox/slot-state. Numbers are hexadecimal.
setenv block 0x02500000
setenv newest none
setenv chosen_good a
setenv chosen_trial none
setenv chosen_left 0
for sector in 40 80; do
  if mmc read ${block} ${sector} 1; then
    if env import -c ${block} 200 seq good trial left; then
      setenv take 0
      if test ${newest} = none; then
        setenv take 1
      elif itest 0x${seq} > 0x${newest}; then
        setenv take 1
      fi
      if test ${take} = 1; then
        setenv newest ${seq}
        setenv chosen_good ${good}
        setenv chosen_trial ${trial}
        setenv chosen_left ${left}
      fi
    fi
  fi
done

setenv slot ${chosen_good}
setenv word
if test ${chosen_trial} != none; then
  if itest 0x${chosen_left} > 0; then
    setenv slot ${chosen_trial}
    setenv word outbox.trial
    setexpr seq 0x${newest} + 1
    setexpr left 0x${chosen_left} - 1
    setenv good ${chosen_good}
    setenv trial ${chosen_trial}
    env export -c -s 200 ${block} seq good trial left
    mmc write ${block} 40 1
    mmc write ${block} 80 1
  fi
fi

# A device tree given from outside (a test) may add words to the command line.
fdt addr ${fdtcontroladdr}
setenv more
fdt get value more /chosen outbox,bootargs

setenv start 'if test ${slot} = b; then setenv part 3; else setenv part 2; fi; setenv bootargs rauc.slot=${slot} ${word} @BOOTARGS@ ${more}; if load mmc 0:${part} 0x08000000 /boot/Image.gz; then if unzip 0x08000000 0x00200000; then if load mmc 0:${part} 0x05000000 /boot/${fdtfile}; then if load mmc 0:${part} 0x05200000 /boot/initrd; then booti 0x00200000 0x05200000:${filesize} 0x05000000; fi; fi; fi; fi'
run start
setenv word
setenv slot ${chosen_good}
run start
if test ${chosen_good} = a; then setenv slot b; else setenv slot a; fi
run start
