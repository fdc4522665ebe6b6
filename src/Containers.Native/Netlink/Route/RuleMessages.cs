using System.Globalization;
using System.Net;
using System.Net.Sockets;
using static Containers.Native.Netlink.NetlinkMessages;
using static Containers.Native.Netlink.Rtnetlink;

namespace Containers.Native.Netlink;

/// <summary>A rule that says which table of routes serves which packets: to add or delete, or as the kernel tells it.</summary>
internal sealed record RuleInfo
{
    /// <summary>Of a rule with neither source nor destination.</summary>
    public AddressFamily Family { get; init; } = AddressFamily.InterNetwork;

    public IPNetwork? From { get; init; }

    public IPNetwork? To { get; init; }

    /// <summary>The link that the packet came in by.</summary>
    public string? InputLink { get; init; }

    /// <summary>The link that the packet's socket is bound to.</summary>
    public string? OutputLink { get; init; }

    /// <summary>The mark that nftables gave the packet, or its socket has.</summary>
    public uint? Mark { get; init; }

    /// <summary>The bits of the mark that count.</summary>
    public uint? MarkMask { get; init; }

    public uint Table { get; init; } = RT_TABLE_MAIN;

    /// <summary>Lower ones are asked first. Null for the kernel's choice: before the first that is not 0.</summary>
    public uint? Priority { get; init; }

    /// <summary>FR_ACT_…: look into the table, or drop.</summary>
    public byte Action { get; init; } = FR_ACT_TO_TBL;

    internal AddressFamily AddressFamily => From?.BaseAddress.AddressFamily ?? To?.BaseAddress.AddressFamily ?? Family;
}

/// <summary>Messages about rules.</summary>
internal static class RuleMessages
{
    public static void AddRule(this NetlinkMessages messages, RuleInfo rule)
        => Write(messages, RTM_NEWRULE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, "add rule", rule);

    /// <summary>Deletes the first rule that is like this one: what is not set does not matter.</summary>
    public static void DeleteRule(this NetlinkMessages messages, RuleInfo rule) => Write(messages, RTM_DELRULE, NLM_F_ACK, "delete rule", rule);

    private static void Write(NetlinkMessages messages, ushort type, ushort flags, string operation, RuleInfo rule)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"from {rule.From?.ToString() ?? "all"} to {rule.To?.ToString() ?? "all"} table {rule.Table}");
        messages.Begin(type, flags, operation, text, RouteHints.Rule);
        messages.Header(new fib_rule_hdr
        {
            family = Family(rule.AddressFamily),
            src_len = (byte)(rule.From?.PrefixLength ?? 0),
            dst_len = (byte)(rule.To?.PrefixLength ?? 0),
            action = rule.Action,
        });
        if (rule.From is { PrefixLength: > 0 } from)
        {
            messages.Address(FRA_SRC, from.BaseAddress);
        }

        if (rule.To is { PrefixLength: > 0 } to)
        {
            messages.Address(FRA_DST, to.BaseAddress);
        }

        if (rule.InputLink is not null)
        {
            messages.Text(FRA_IIFNAME, LinkName.Check(rule.InputLink));
        }

        if (rule.OutputLink is not null)
        {
            messages.Text(FRA_OIFNAME, LinkName.Check(rule.OutputLink));
        }

        if (rule.Mark is { } mark)
        {
            messages.U32(FRA_FWMARK, mark);
        }

        if (rule.MarkMask is { } mask)
        {
            messages.U32(FRA_FWMASK, mask);
        }

        if (rule.Priority is { } priority)
        {
            messages.U32(FRA_PRIORITY, priority);
        }

        if (rule.Action == FR_ACT_TO_TBL)
        {
            messages.U32(FRA_TABLE, rule.Table);
        }

        messages.End();
    }
}
