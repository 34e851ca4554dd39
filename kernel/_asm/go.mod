module github.com/qkvgo/qkv/kernel/asm

go 1.26
