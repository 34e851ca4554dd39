module github.com/qkvgo/qkv

go 1.26
