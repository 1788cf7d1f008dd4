//go:build !linux

package kv

import bolt "go.etcd.io/bbolt"

func unmap(*bolt.Tx) {}

func readAhead(*bolt.Tx) (end func()) { return func() {} }
